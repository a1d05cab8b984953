# Thin: each target is one line of real work. `make run` and `make test` are all that a newcomer needs.
VENV := .venv
BIN := $(VENV)/bin
FEEDS ?= sample
export DO_NOT_TRACK := 1

ANVIL := .tools/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil

.PHONY: run live ui test bench lint lock clean anvil
run: $(VENV)/.ready
	@$(BIN)/outcrop run

live: $(VENV)/.ready
	@$(BIN)/outcrop run --feeds live

ui: $(VENV)/.ready
	@$(BIN)/outcrop ui --feeds $(FEEDS)

test: $(VENV)/.ready
	@$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder

anvil: $(ANVIL)
$(ANVIL):
	npm install --silent --no-save --no-package-lock --ignore-scripts --prefix .tools @foundry-rs/anvil-linux-amd64@1.7.1

bench: $(VENV)/.ready
	@for part in decode requests activity extract; do $(BIN)/python tests/bench/bench_$$part.py || exit 1; done

lint: $(VENV)/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check pipelines
	$(BIN)/lint-imports
	$(BIN)/sqlfluff lint dbt_project/models dbt_project/tests
	VIRTUAL_ENV=$(CURDIR)/$(VENV) $(BIN)/dg check defs

# The environment: made from the lock by uv where it can be had, by pip otherwise; remade when the lock changes.
$(VENV)/.ready: requirements.lock pyproject.toml
	@sh scripts/environment.sh $(VENV)
	@touch $@

lock:
	uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-strip-extras --no-emit-index-url \
		--no-emit-find-links --no-header --no-annotate --python-version 3.11 -q -o requirements.lock

clean:
	rm -rf $(VENV) .tools warehouse/sample dbt_project/target
