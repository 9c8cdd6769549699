"""`rtlscribe serve`: a model behind a port of this machine. Answers nothing itself."""

from __future__ import annotations

import errno
import os
import resource
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from rtlscribe import progress
from rtlscribe.app.assistant import Assistant
from rtlscribe.errors import UsageError
from rtlscribe.options import Count, Positive
from rtlscribe.registry import extra

if TYPE_CHECKING:
    from rtlscribe.app.server import Service

KEY = "RTLSCRIBE_SERVER_KEY"
CONNECTIONS = 4096
BACKLOG = 2048
ENDING_SECONDS = 3


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Config(Assistant):
    """Options of `rtlscribe serve`."""

    host: str = "127.0.0.1"
    """Address to listen at; any but this machine's own wants a key in RTLSCRIBE_SERVER_KEY."""

    port: Annotated[int, Parameter(validator=Number(gte=0, lte=65535))] = 8080
    """Port to listen at; 0 takes a free one."""

    allow_host: tuple[str, ...] = ()
    """Names under which this server may be asked, beside localhost; only needed without a key."""

    name: str = "rtlscribe"
    """What clients see as the model's name."""

    timeout_s: Positive = 600.0
    """Seconds that a request may take once it is worked on."""

    max_body_kib: Count = 512
    """Largest request, in KiB."""

    log_prompts: bool = False
    """Write descriptions to the log; without it nothing of what is asked is written down."""


def run(config: Config = Config()) -> None:  # cyclopts wants a default where all fields have one
    """Serve a model as OpenAI's protocol has it, and as a web page; what it writes is checked.

    The log goes to stderr. Ends with Ctrl-C.
    """
    key = os.environ.get(KEY, "")
    with extra("serve"):
        import uvicorn

        from rtlscribe.app.gate import LOCAL, Gate, Rules
        from rtlscribe.app.server import application
    if not key and config.host not in LOCAL:
        raise UsageError(f"--host {config.host} may be reached from elsewhere: set a key in {KEY}, or leave --host out")
    with _bound(config) as listening:
        service = _service(config)
        hosts = tuple(name.lower() for name in (config.host, *config.allow_host))
        rules = Rules(key=key, hosts=hosts, most_bytes=config.max_body_kib * 1024)
        settings = uvicorn.Config(
            Gate(application(service), rules),
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="off",
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=ENDING_SECONDS,
        )
        host, port = listening.getsockname()[:2]
        where = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        model = service.writer.model.name
        progress.note(f"{model} is served at {where}/ for people and at {where}/v1 for programs; Ctrl-C ends it")
        try:
            uvicorn.Server(settings).run(sockets=[listening])
        except KeyboardInterrupt:
            pass
        finally:
            service.writes.close()
            service.checks.close()


def _service(config: Config) -> Service:
    """Who does the work. Opens the model."""
    from rtlscribe.app.server import Service
    from rtlscribe.app.waves import Scope
    from rtlscribe.writing import defaults
    from rtlscribe.writing.judging import Judges

    return Service(
        writer=config.writer(Judges()),
        scope=Scope(),
        name=config.name,
        notice=defaults.NOTICE if defaults.in_the_box(config.model) else "",
        sampling=config.sampling(),
        writes=config.desk(config.concurrency),
        checks=config.desk(os.cpu_count() or 1),
        timeout_s=config.timeout_s,
        log_prompts=config.log_prompts,
    )


def _bound(config: Config) -> socket.socket:
    """The port, before the model is loaded, which may take minutes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTIONS + BACKLOG if hard == resource.RLIM_INFINITY else min(CONNECTIONS + BACKLOG, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:  # a connection is a file
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    try:
        family, kind, _, _, address = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind)
    except OSError as error:
        raise UsageError(f"--host {config.host} --port {config.port}: {error}") from error
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        why = "is in use by another program: choose another with --port, or end that program"
        reason = why if error.errno == errno.EADDRINUSE else f"cannot be opened: {error.strerror}"
        raise UsageError(f"port {config.port} of {config.host} {reason}") from error
    return listening
