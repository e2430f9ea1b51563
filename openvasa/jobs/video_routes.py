"""Videos over HTTP: ordered, watched, fetched, cancelled, deleted."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, File, Form, Header, Query, Request, UploadFile
from fastapi.responses import JSONResponse, Response

from openvasa.jobs.answers import (
    ERRORS,
    JobAnswer,
    JobList,
    answer_events,
    answer_file,
    answer_job,
)
from openvasa.jobs.job import State
from openvasa.jobs.service import Request as Asked
from openvasa.jobs.service import Service, Upload

_Picture = Annotated[UploadFile | None, File(description="A picture with a face.")]
_Sound = Annotated[UploadFile | None, File(description="A sound or video file with speech.")]
_Avatar = Annotated[
    str | None,
    Form(description="Id of an avatar.", examples=["0d9a3e5b7c1d2f4a686f1c0a52e7d84b"]),
]
_Text = Annotated[str | None, Form(description="What is said.", examples=["Good morning."])]
_Voice = Annotated[str | None, Form(description="Who says it.", examples=["espeak-en-gb"])]
_Options = Annotated[
    str,
    Form(
        description="JSON object; names and values as in docs/batch.md.",
        examples=['{"size": 256, "movement": "calm", "emotion": {"happy": 0.5}}'],
    ),
]
_Format = Annotated[str, Form(description="mp4, mov, webm, mkv, gif or webp.", examples=["mp4"])]
_Webhook = Annotated[
    str | None,
    Form(description="Told when the job has ended.", examples=["https://example.com/hook"]),
]
_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        description="A repeated request with the same key is the same job.",
        examples=["lesson-17"],
    ),
]


def add_video_routes(app: FastAPI, service: Service) -> None:
    """Answer /v1/videos."""
    _add_ordering(app, service)
    _add_watching(app, service)
    _add_ending(app, service)


def read_upload(upload: UploadFile | None) -> Upload | None:
    """A file of a form; the size of a request is limited before."""
    if upload is None:
        return None
    return Upload(upload.filename or "", upload.file.read())


def _add_ordering(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/videos", status_code=202, response_model=JobAnswer, responses=ERRORS, tags=["videos"]
    )
    def order_video(
        request: Request,
        portrait: _Picture = None,
        avatar: _Avatar = None,
        audio: _Sound = None,
        text: _Text = None,
        voice: _Voice = None,
        options: _Options = "{}",
        format: _Format = "mp4",
        webhook: _Webhook = None,
        idempotency_key: _Key = None,
    ) -> Response:
        """Order a video of a portrait or an avatar with a sound or a text.

        The answer comes when the job is kept safely. A repeated request is answered with the job
        of the first one, and the header Idempotent-Replay.
        """
        asked = Asked(
            "video",
            read_upload(portrait),
            avatar,
            read_upload(audio),
            text,
            voice,
            format,
            options,
            webhook,
            idempotency_key,
        )
        job, new = service.accept(request.state.client, asked)
        headers = {"Location": f"/v1/videos/{job.id}"}
        if not new:
            headers["Idempotent-Replay"] = "true"
        # Ready as it is: an answer that is checked once more takes another turn of a thread.
        return JSONResponse(answer_job(job).model_dump(mode="json"), 202, headers)

    @app.get("/v1/videos", response_model=JobList, responses=ERRORS, tags=["videos"])
    def list_videos(
        request: Request,
        state: State | None = None,
        before: Annotated[
            float | None, Query(description="Only jobs accepted before; for the next page.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> JobList:
        """Videos ordered, the newest first."""
        jobs = service.queue.list(
            request.state.client.name, kind="video", state=state, before=before, most=limit
        )
        return JobList(jobs=[answer_job(job) for job in jobs])


def _add_watching(app: FastAPI, service: Service) -> None:
    @app.get("/v1/videos/{job_id}", response_model=JobAnswer, responses=ERRORS, tags=["videos"])
    def show_video(request: Request, job_id: str) -> JobAnswer:
        """How far a video is."""
        return answer_job(service.find(request.state.client, "video", job_id))

    @app.get("/v1/videos/{job_id}/events", responses=ERRORS, tags=["videos"])
    def watch_video(request: Request, job_id: str) -> Response:
        """The job whenever it has changed (server-sent events `progress`, then `ended`)."""
        client = request.state.client
        return answer_events(service, client, "video", service.find(client, "video", job_id))

    @app.get("/v1/videos/{job_id}/result", responses=ERRORS, tags=["videos"])
    def fetch_video(request: Request, job_id: str) -> Response:
        """The video's file."""
        return answer_file(service, service.result(request.state.client, "video", job_id))


def _add_ending(app: FastAPI, service: Service) -> None:
    @app.post(
        "/v1/videos/{job_id}/cancel", response_model=JobAnswer, responses=ERRORS, tags=["videos"]
    )
    def cancel_video(request: Request, job_id: str) -> JobAnswer:
        """End a job: at once where it waits, within seconds where it runs."""
        return answer_job(service.cancel(request.state.client, "video", job_id))

    @app.delete("/v1/videos/{job_id}", status_code=204, responses=ERRORS, tags=["videos"])
    def delete_video(request: Request, job_id: str) -> Response:
        """Remove a finished job and its files."""
        service.delete(request.state.client, "video", job_id)
        return Response(status_code=204)
