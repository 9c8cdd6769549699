"""Confine this process and all it will start: what Linux offers, as far as it is allowed here. Undoes nothing.

Each measure stands alone, so that one that a container forbids does not take the others with it; what was done is told.
- namespaces: an own view of mounts (with a small file system in memory as the only place to write), processes, network
- own user: where started as root, an unprivileged user; else no capabilities
- Landlock: programs and libraries may be read and started, the work folder written, nothing else opened
- seccomp: no sockets, no tracing, no mounting, nothing else that a compiler or simulator has no use for
- no_new_privs, and limits on memory, size of files, number of files, core dumps
Covers neither CPU time (each program's, see worker) nor side channels.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import platform
import resource
import signal
import stat
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

MEMORY_BYTES = 1024 * 1024 * 1024
FILE_BYTES = 16 * 1024 * 1024  # a program's own limit, which the worker can raise up to the next
LARGEST_FILE_BYTES = 48 * 1024 * 1024
FOLDER_BYTES = 64 * 1024 * 1024
EXHAUSTED = 71  # status of a worker that an answer left without memory
OPEN_FILES = 64
PROCESSES = 64
UNPRIVILEGED = 65534  # "nobody"; the processes of one worker cannot see those of another (namespaces, Landlock)

_NEWNS, _NEWUSER, _NEWPID, _NEWNET, _NEWIPC = 0x20000, 0x10000000, 0x20000000, 0x40000000, 0x08000000
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 0x40000
_MNT_DETACH = 2
_PR_SET_PDEATHSIG, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _PR_CAPBSET_DROP = 1, 22, 38, 24
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # the same numbers on all architectures

# Landlock's rights on files, in the order of their bits; the ABI that brought the later ones.
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_RIGHTS_OF_ABI = {1: 13, 2: 14, 3: 15, 5: 16}
_TRUNCATE = 1 << 14
_NET_RIGHTS_ABI, _SCOPES_ABI = 4, 6

# System calls that Icarus and Python have no use for here, by architecture: (x86_64, aarch64).
_REFUSED = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "accept": (43, 202), "bind": (49, 200),
    "listen": (50, 201), "sendto": (44, 206), "sendmsg": (46, 211), "accept4": (288, 242), "sendmmsg": (307, 269),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97),
    "setns": (308, 268), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "kexec_load": (246, 104),
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "reboot": (169, 142),
    "swapon": (167, 224), "swapoff": (168, 225), "personality": (135, 92), "open_by_handle_at": (304, 265),
    "name_to_handle_at": (303, 264), "acct": (163, 89), "quotactl": (179, 60), "syslog": (103, 116),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "sethostname": (170, 161), "memfd_create": (319, 279),
}  # fmt: skip
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
_X32 = 0x40000000  # the other numbering of x86_64
_EPERM = 1


def confine(folder: Path, readable: Iterable[Path]) -> dict[str, str]:
    """Confine this process; from here on only `folder` can be written. Returns what was done, by measure.

    May fork: the caller goes on in a child whose fate the parent shares (an own process namespace needs that).
    """
    if platform.system() != "Linux":
        return {"limits": _limits()}
    libc = ctypes.CDLL(None, use_errno=True)
    readable = list(readable)
    done = {"limits": _limits()}
    done |= _namespaces(libc, folder)
    os.chdir(folder)  # into the file system that may have been mounted over it
    done["user"] = _user(libc, readable)
    if "namespaces" in done:  # else the worker, told by its pipe, ends what it runs: it must not die before that
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # forgotten when the user changed
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        done["privileges"] = "none can be gained"
    done["files"] = _landlock(libc, Path(), readable)
    done["calls"] = _seccomp(libc)
    return {measure: what for measure, what in done.items() if what}


def _limits() -> str:
    wanted = {
        resource.RLIMIT_AS: (MEMORY_BYTES, MEMORY_BYTES),
        resource.RLIMIT_FSIZE: (FILE_BYTES, LARGEST_FILE_BYTES),
        resource.RLIMIT_NOFILE: (OPEN_FILES, OPEN_FILES),
        resource.RLIMIT_CORE: (0, 0),
    }
    for kind, limits in wanted.items():
        _, hard = resource.getrlimit(kind)
        soft, most = (limit if hard == resource.RLIM_INFINITY else min(limit, hard) for limit in limits)
        with contextlib.suppress(ValueError, OSError):  # macOS refuses some
            resource.setrlimit(kind, (soft, most))
    return "memory 1 GiB, files 16 MiB"


def _namespaces(libc: ctypes.CDLL, folder: Path) -> dict[str, str]:
    """Own namespaces for mounts, processes, network; a fresh file system over the folder."""
    uid, gid = os.getuid(), os.getgid()
    flags = _NEWNS | _NEWPID | _NEWNET | _NEWIPC
    if uid != 0 or libc.unshare(flags) != 0:
        if libc.unshare(flags | _NEWUSER) != 0:
            return {}
        with contextlib.suppress(OSError):
            Path("/proc/self/setgroups").write_text("deny")
            Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")
            Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    done = {"namespaces": "own processes and network"}
    _become_child(libc, folder)
    private = libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) == 0
    options = f"size={FOLDER_BYTES},nr_inodes=4096,mode=0777".encode()
    flags = _MS_NOSUID | _MS_NODEV | _MS_NOEXEC
    if private and libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", flags, options) == 0:
        done["folder"] = "64 MiB in memory, seen by no one else"
    return done


def _become_child(libc: ctypes.CDLL, folder: Path) -> None:
    """Go on as the second process of the new namespace: killing all but oneself (kill -1) then spares only its init."""
    for outside in (True, False):
        child = os.fork()
        if child:  # the first of these stays outside, the second is the init, to which strays come
            process, status = os.wait()
            while process != child:
                process, status = os.wait()
            code = os.waitstatus_to_exitcode(status)
            if outside:  # whoever made the folder may be dead
                libc.umount2(os.fsencode(folder), _MNT_DETACH)
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
            os._exit(code if code >= 0 else 128 - code)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _user(libc: ctypes.CDLL, readable: Sequence[Path]) -> str:
    """An unprivileged user if we may choose and it can read the tools; in any case no capabilities."""
    if os.getuid() == 0 and all(_open_to_all(path) for path in readable):
        with contextlib.suppress(OSError):
            os.chmod(".", 0o777)
            os.setgroups([])
            os.setresgid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
            os.setresuid(UNPRIVILEGED, UNPRIVILEGED, UNPRIVILEGED)
            with contextlib.suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NPROC, (PROCESSES, PROCESSES))
            return "nobody"
    for capability in range(64):
        libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    libc.capset(struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", *[0] * 6))
    return "root without capabilities, since only root can read the tools" if os.getuid() == 0 else "yours"


def _open_to_all(path: Path) -> bool:
    """Whether any user may read what lies there."""
    try:
        path = path.resolve(strict=True)
        inside = path.stat().st_mode & stat.S_IROTH
        return bool(inside) and all(parent.stat().st_mode & stat.S_IXOTH for parent in path.parents)
    except OSError:
        return True  # what is not there needs no right


def _landlock(libc: ctypes.CDLL, folder: Path, readable: Iterable[Path]) -> str:
    """Allow reading and starting what lies under `readable`, and everything but starting in `folder`."""
    abi = libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if abi < 1:
        return ""
    rights = (1 << max(bits for version, bits in _RIGHTS_OF_ABI.items() if version <= abi)) - 1
    network = 3 if abi >= _NET_RIGHTS_ABI else 0
    scopes = 3 if abi >= _SCOPES_ABI else 0
    attributes = struct.pack("=QQQ", rights, network, scopes)
    size = 24 if abi >= _SCOPES_ABI else 16 if abi >= _NET_RIGHTS_ABI else 8
    ruleset = libc.syscall(_LANDLOCK_CREATE, attributes, size, 0)
    if ruleset < 0:
        return ""
    allowed = [(folder, rights & ~_EXECUTE), *((path, _EXECUTE | _READ_FILE | _READ_DIR) for path in readable)]
    allowed.append((Path("/dev/null"), _READ_FILE | _WRITE_FILE | (_TRUNCATE & rights)))
    for path, access in allowed:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            access &= _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
        libc.syscall(_LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", access, descriptor), 0)
        os.close(descriptor)
    restricted = libc.syscall(_LANDLOCK_RESTRICT, ruleset, 0) == 0
    os.close(ruleset)
    return f"the tools readable, the work folder writable, nothing else (Landlock {abi})" if restricted else ""


def _seccomp(libc: ctypes.CDLL) -> str:
    """A filter that answers EPERM to the refused calls, and to all calls of another architecture's numbering."""
    if platform.machine() not in _ARCHITECTURES:
        return ""
    architecture, column = _ARCHITECTURES[platform.machine()]
    numbers = sorted(pair[column] for pair in _REFUSED.values())
    load, equal, at_least, give = 0x20, 0x15, 0x35, 0x06
    refuse, allow = 0x00050000 | _EPERM, 0x7FFF0000
    count = len(numbers)
    program = [
        (load, 0, 0, 4),  # the architecture
        (equal, 0, count + 3, architecture),
        (load, 0, 0, 0),  # the number of the call
        (at_least, count + 1, 0, _X32),
        *((equal, count - place, 0, number) for place, number in enumerate(numbers)),
        (give, 0, 0, allow),
        (give, 0, 0, refuse),
    ]
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    header = struct.pack("HxxxxxxP" if struct.calcsize("P") == 8 else "HxxP", len(program), ctypes.addressof(buffer))
    return "no network, tracing or mounting (seccomp)" if libc.prctl(_PR_SET_SECCOMP, 2, header, 0, 0) == 0 else ""
