"""Avatars over HTTP: a portrait encoded once, for many videos."""

from __future__ import annotations

import json
from typing import Annotated

from fastapi import FastAPI, File, Form, Request, UploadFile
from fastapi.responses import Response

from openvasa.jobs.answers import ERRORS, JobAnswer, JobList, answer_file, answer_job
from openvasa.jobs.service import Request as Asked
from openvasa.jobs.service import Service
from openvasa.jobs.video_routes import read_upload

_Face = Annotated[int | None, Form(description="Which of several faces, from 1.", examples=[1])]


def add_avatar_routes(app: FastAPI, service: Service) -> None:
    """Answer /v1/avatars."""

    @app.post(
        "/v1/avatars", status_code=202, response_model=JobAnswer, responses=ERRORS, tags=["avatars"]
    )
    def order_avatar(
        request: Request,
        portrait: Annotated[UploadFile, File(description="A picture with a face.")],
        face: _Face = None,
    ) -> JobAnswer:
        """Have a portrait encoded; its id goes into `avatar` of videos once it is done."""
        options = json.dumps({} if face is None else {"face": face})
        asked = Asked("avatar", read_upload(portrait), options=options)
        return answer_job(service.accept(request.state.client, asked)[0])

    @app.get("/v1/avatars", response_model=JobList, responses=ERRORS, tags=["avatars"])
    def list_avatars(request: Request) -> JobList:
        """Avatars of the client, the newest first."""
        jobs = service.queue.list(request.state.client.name, kind="avatar", most=200)
        return JobList(jobs=[answer_job(job) for job in jobs])

    @app.get("/v1/avatars/{job_id}", response_model=JobAnswer, responses=ERRORS, tags=["avatars"])
    def show_avatar(request: Request, job_id: str) -> JobAnswer:
        """Whether an avatar is done."""
        return answer_job(service.find(request.state.client, "avatar", job_id))

    @app.get("/v1/avatars/{job_id}/result", responses=ERRORS, tags=["avatars"])
    def fetch_avatar(request: Request, job_id: str) -> Response:
        """The avatar's file, which `openvasa animate` takes too."""
        return answer_file(service, service.result(request.state.client, "avatar", job_id))

    @app.delete("/v1/avatars/{job_id}", status_code=204, responses=ERRORS, tags=["avatars"])
    def delete_avatar(request: Request, job_id: str) -> Response:
        """Remove an avatar; videos ordered with it that wait will fail."""
        service.delete(request.state.client, "avatar", job_id)
        return Response(status_code=204)
