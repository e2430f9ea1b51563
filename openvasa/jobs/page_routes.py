"""What a live server answers about videos of a portrait that is open in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, Response

from openvasa.backgrounds import Picture
from openvasa.batch.options import Options
from openvasa.batch.workers import Workers
from openvasa.errors import InputError
from openvasa.jobs.job import Job
from openvasa.jobs.page_videos import PageVideos, one_worker
from openvasa.jobs.quota import QuotaReached
from openvasa.live.asked import (
    SIDES,
    check_background,
    find_session,
    read_sound,
    read_text,
)
from openvasa.live.bodies import Refused
from openvasa.live.server import Extension
from openvasa.live.session import Session
from openvasa.live.studio import Studio
from openvasa.motion.amount import Amount
from openvasa.motion.controls import Curve


def video_extension(
    amount: Amount = Amount(),  # noqa: B008 (frozen)
    start_workers: Callable[[Path], Workers] = one_worker,
) -> Extension:
    """Lets the clients of a live server order videos.

    Args:
        amount: of movement, of every portrait of the server.
        start_workers: as in `PageVideos`.
    """

    def extend(app: FastAPI, studio: Studio) -> None:
        videos = PageVideos(studio.folder, start_workers)
        studio.on_shutdown.append(videos.close)
        _add_ordering(app, studio, videos, amount)
        _add_watching(app, videos)

    return extend


def _add_ordering(app: FastAPI, studio: Studio, videos: PageVideos, amount: Amount) -> None:
    @app.post("/api/sessions/{key}/videos", status_code=202)
    async def order_video(
        key: str, request: Request, background: str | None = None, size: int | None = None
    ) -> dict[str, object]:
        session = find_session(studio, key)
        shown = session.background if background is None else check_background(background)
        behind = shown if isinstance(shown, Picture) else None
        options = _read_options(session, amount, size)
        if isinstance(shown, str):
            options = replace(options, background=shown)
        typed = request.headers.get("content-type", "").startswith("application/json")
        spoken = await (read_text if typed else read_sound)(studio, request)
        try:
            job = await asyncio.to_thread(
                videos.order, session.face, spoken.samples, spoken.rate, options, behind
            )
        except QuotaReached as error:
            raise Refused(429, f"video: {error}") from error
        return _describe(videos, job)


def _add_watching(app: FastAPI, videos: PageVideos) -> None:
    @app.get("/api/videos/{job_id}")
    def show_video(job_id: str) -> dict[str, object]:
        return _describe(videos, _find(videos, job_id))

    @app.get("/api/videos/{job_id}/file")
    def fetch_video(job_id: str) -> Response:
        job = _find(videos, job_id)
        path = videos.file(job)
        if path is None:
            raise Refused(409, job.error or f"the video is {job.state}")
        return FileResponse(path, media_type="video/mp4", filename="openvasa.mp4")

    @app.delete("/api/videos/{job_id}")
    def remove_video(job_id: str) -> dict[str, str]:
        if not videos.remove(job_id):
            raise Refused(404, "no such video; make it again")
        return {}


def _find(videos: PageVideos, job_id: str) -> Job:
    job = videos.find(job_id)
    if job is None:
        raise Refused(404, "no such video; make it again")
    return job


def _describe(videos: PageVideos, job: Job) -> dict[str, object]:
    return {
        "id": job.id,
        "state": job.state,
        "progress": round(videos.progress(job), 3),
        "error": job.error,
    }


def _read_options(session: Session, amount: Amount, size: int | None) -> Options:
    """How the session is steered just now, in a video."""
    if size is not None and size not in SIDES:
        raise InputError(f"size {size}: choose one of {', '.join(map(str, SIDES))}")
    gaze, distance, emotion = (
        session.controls.gaze,
        session.controls.distance,
        session.controls.emotion,
    )
    assert not any(isinstance(value, Curve) for value in (gaze, distance, emotion))
    return Options(
        size=size,
        gaze=gaze,  # pyright: ignore[reportArgumentType] (live controls are constants)
        distance=distance,  # pyright: ignore[reportArgumentType]
        emotion=emotion,  # pyright: ignore[reportArgumentType]
        hair_lag=session.settings.hair_lag,
        **asdict(session.amount.times(amount)),
    )
