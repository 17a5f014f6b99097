# `make` lists the targets. `sudo make demo` and `sudo make test` need nothing prepared but Debian and Python 3.11.

SHELL := /bin/bash
PYTHON ?= /usr/bin/python3
VENV := .venv
BIN := $(VENV)/bin
PREFIX ?= /usr/local

RUN_PACKAGES := python3-venv libseccomp2
DEMO_PACKAGES := $(RUN_PACKAGES) busybox-static runc
TEST_PACKAGES := $(DEMO_PACKAGES) crun containerd docker.io docker-registry uidmap nftables iproute2 iptables \
	user-mode-linux mmdebstrap patchelf procps strace systemd podman golang-github-opencontainers-specs-dev skopeo umoci \
	apparmor secilc

.DEFAULT_GOAL := help
.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# -- set-up ---------------------------------------------------------------------------------------------------------

$(VENV)/.installed: pyproject.toml
	@command -v $(PYTHON) >/dev/null || deploy/system-packages python3 python3-venv
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || deploy/system-packages python3-venv
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install -q --disable-pip-version-check -U pip setuptools wheel
	$(BIN)/pip install -q --disable-pip-version-check --no-build-isolation --config-settings editable_mode=compat -e '.[test,dev]'
	@touch $@

.PHONY: setup
setup: $(VENV)/.installed ## a virtual environment with the package, its tests' and its contributors' tools

.PHONY: setup-tests
setup-tests: ## the system packages the tests want (as root)
	@deploy/system-packages $(TEST_PACKAGES)
	@if [ -x ../shared/peers/setup ]; then ../shared/peers/setup; fi
	@$(MAKE) -s setup

# -- the two commands of the README ---------------------------------------------------------------------------------

.PHONY: demo
demo: ## run a container through all four layers, on private paths, and leave nothing behind (as root)
	@deploy/system-packages $(DEMO_PACKAGES)
	@$(MAKE) -s setup
	@$(BIN)/python -m deploy.demo

.PHONY: test
test: setup-tests ## set up what the tests need and run them all (as root)
	$(BIN)/pytest $(PYTEST_FLAGS) tests

# -- for contributors -----------------------------------------------------------------------------------------------

.PHONY: check
check: setup ## format, lint, types, import contracts, unit and house tests: no root, no network
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy proto lowrt shim supervisor engine deploy
	$(BIN)/lint-imports
	$(BIN)/pytest -q tests/unit tests/house

.PHONY: format
format: setup ## rewrite the sources in the house's format
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: proto
proto: setup ## regenerate the stubs from the .proto files
	PATH=$(CURDIR)/$(BIN):$$PATH $(BIN)/python -m proto.generate

.PHONY: integration
integration: setup-tests ## the tests on the real kernel (as root)
	$(BIN)/pytest $(PYTEST_FLAGS) tests/integration tests/attacks tests/contract tests/e2e

.PHONY: test-cgroup2
test-cgroup2: setup-tests ## lowrt's cgroup v2 suite and all of the contract inside User-Mode Linux kernels (as root)
	WHERRY_WHOLE_CONTRACT=1 $(BIN)/pytest $(PYTEST_FLAGS) tests/integration/lowrt -k cgroup2

.PHONY: test-lsm
test-lsm: setup-tests ## the engine under AppArmor and an enforced SELinux policy inside User-Mode Linux kernels (as root)
	WHERRY_WHOLE_CONTRACT=1 $(BIN)/pytest $(PYTEST_FLAGS) tests/integration/lowrt/test_uml.py -k through_the_engine

.PHONY: test-projects
test-projects: setup-tests ## build projects of the usual shapes from the package registries, with ours and with dockerd (as root)
	WHERRY_PROJECTS=1 $(BIN)/pytest $(PYTEST_FLAGS) tests/integration/engine/builder/test_projects.py

.PHONY: soak
soak: setup-tests ## SIGKILL at four thousand random moments, and thousands of container lives (as root)
	WHERRY_CRASH_CASES=4000 WHERRY_LIVES=2000 $(BIN)/pytest $(PYTEST_FLAGS) tests/integration/supervisor -k "nothing_lost or churn"

.PHONY: soak-network
soak-network: setup-tests ## a thousand container lives on networks, with ports and names, leave nothing (as root)
	WHERRY_NETWORK_LIVES=1000 $(BIN)/pytest $(PYTEST_FLAGS) tests/integration/engine/networks -k lives_leave_nothing

.PHONY: storms
storms: setup-tests ## hundreds of starts, execs, removals and lists at once, and long random lives of containers (as root)
	WHERRY_STORM=1 WHERRY_LIFE_ORDERS=200 $(BIN)/pytest $(PYTEST_FLAGS) -s tests/e2e/test_storms.py tests/e2e/test_lives.py

.PHONY: bench
bench: setup-tests ## time the layers and the whole against runc, crun, containerd and dockerd, side by side (as root)
	$(BIN)/python -m tests.bench

.PHONY: bench-supervisor
bench-supervisor: setup-tests ## time our supervisor beside containerd of both generations (as root)
	$(BIN)/python -m tests.bench supervisor

.PHONY: bench-engine
bench-engine: setup-tests ## time our engine beside dockerd of both generations: lives, exec, logs, lists, health checks, starts (as root)
	$(BIN)/python -m tests.bench engines load starts

.PHONY: bench-storms
bench-storms: setup-tests ## how long _ping takes in storms of starts, execs, lists and output, beside dockerd's and an echo (as root)
	$(BIN)/python -m tests.bench storms

.PHONY: bench-network
bench-network: setup-tests ## time networks beside dockerd's: starts, ports, a hundred networks, throughput, DNS (as root)
	$(BIN)/python -m tests.bench network

.PHONY: bench-build
bench-build: setup-tests ## time builds beside dockerd's classic builder and BuildKit: steps, stages, large contexts (as root)
	$(BIN)/python -m tests.bench builds

.PHONY: bench-runtime
bench-runtime: setup-tests ## time lowrt, cold and warm, beside runc and crun (as root)
	$(BIN)/python -m tests.bench runtimes --rounds 40

# -- installation ---------------------------------------------------------------------------------------------------

.PHONY: install
install: ## install into PREFIX (default /usr/local), with systemd units where systemd runs (as root)
	@deploy/system-packages $(RUN_PACKAGES)
	$(PYTHON) deploy/install.py --prefix $(PREFIX)

.PHONY: uninstall
uninstall: ## take out what install put in; images and containers stay under /var/lib/wherry (as root)
	$(PYTHON) deploy/install.py --prefix $(PREFIX) --uninstall

.PHONY: clean
clean: ## remove the virtual environment and caches
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
