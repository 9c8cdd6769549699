#!/bin/sh
# Test GPTQ for real, in .venv-quant (llmcompressor) and .venv-quant-gptq (gptqmodel): their dependencies exclude those
# of the main environment, and each other's. On the CPU where there is no GPU.
set -eu
cd "$(dirname "$0")/.."

# Into $1, packages apart from the main environment's versions.
environment() {
    venv=$1
    shift
    stamp=$venv/.set-up-done
    if [ ! -f "$stamp" ] || [ pyproject.toml -nt "$stamp" ] || [ "$0" -nt "$stamp" ]; then
        echo "test-quantize: installing $1 into $venv (1.5 GB, minutes)" >&2
        "${PYTHON:-python3}" -m venv "$venv"
        # What is built from source finds torch and the build tools in the environment.
        # shellcheck disable=SC2086  # a list of options
        "$venv/bin/python" -m pip install --quiet ${PIP_INSTALL_FLAGS:-} torch==2.13.0 numpy setuptools wheel
        # shellcheck disable=SC2086
        "$venv/bin/python" -m pip install --quiet ${PIP_INSTALL_FLAGS:-} --no-build-isolation torch==2.13.0 "$@"
        # shellcheck disable=SC2086
        "$venv/bin/python" -m pip install --quiet ${PIP_INSTALL_FLAGS:-} pytest --editable .
        touch "$stamp"
    fi
    HF_HUB_OFFLINE=1 "$venv/bin/python" -m pytest tests/quantizing/test_gptq.py ${PYTEST_FLAGS:-}
}

environment .venv-quant llmcompressor==0.14.0.1 transformers==5.17.0
environment .venv-quant-gptq gptqmodel==7.6.0 optimum==2.3.0 transformers==5.23.0 accelerate==1.15.0
