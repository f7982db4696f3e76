"""A file through the staff room: uploaded, its columns answered as they are filled in, read by a worker."""

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from incidents.audience import working
from incidents.models import ImportBatch

ROOM = "/staff/api-keys-2018/affected/"


def send(client: Client, content: bytes, name: str = "list.csv", **fields: str):
    """The page about the upload: its columns, or why it is refused."""
    file = SimpleUploadedFile(name, content)
    return client.post(f"{ROOM}imports/new/", {"file": file, "mode": "add"} | fields, follow=True)


def filled_in(page) -> dict[str, str]:
    """What pressing the button of the columns sends as they stand."""
    form = page.context["mapping"]
    return {name: form[name].value() for name in form.fields}


def answer(client: Client, batch: ImportBatch, **changes: str):
    path = f"{ROOM}imports/{batch.number}/"
    return client.post(f"{path}columns/", filled_in(client.get(path)) | changes, follow=True)


def upload(client: Client, content: bytes, name: str = "list.csv", **fields: str):
    """The page of what was read."""
    page = send(client, content, name, **fields)
    batch = page.context.get("batch")
    if batch is None or batch.state != ImportBatch.State.RECEIVED:
        return page
    answer(client, batch)
    working.work_on(batch)
    return client.get(f"{ROOM}imports/{batch.number}/")
