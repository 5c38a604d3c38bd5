"""Logs schemathesis in, and again whenever it has logged itself out."""

import os
import re
import uuid

import requests
import schemathesis

URL = os.environ["HIVESYNC_URL"]
USER = {"email": f"contract-{uuid.uuid4()}@example.com", "password": "contract-tests"}


def log_in():
    answer = requests.post(f"{URL}/auth/login", json=USER, timeout=10)
    answer.raise_for_status()
    return answer.json()["data"]["access_token"]


requests.post(f"{URL}/auth/register", json=USER, timeout=10).raise_for_status()
requests.post(
    f"{URL}/projects",
    json={"name": "Contract"},
    headers={"Authorization": f"Bearer {log_in()}"},
    timeout=10,
).raise_for_status()


@schemathesis.auth(refresh_interval=None)
class Login:
    token = None

    def get(self, case, context):
        ends_a_session = case.path in ("/auth/logout", "/auth/sessions/{session_id}")
        if ends_a_session and case.method in ("POST", "DELETE"):
            return log_in()
        if Login.token is None:
            Login.token = log_in()
        return Login.token

    def set(self, case, data, context):
        case.headers = case.headers or {}
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def after_call(context, case, response):
    if response.status_code == 401:
        Login.token = None


@schemathesis.hook
def before_call(context, case, kwargs):
    key = case.headers and case.headers.get("Idempotency-Key")
    # A good key must be new, or its earlier answer comes again; a bad one stays bad.
    if key and re.fullmatch(r"[\x21-\x7e]{1,255}", key):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
