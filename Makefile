# Two commands: `make up` boots a VM on this host, `make test` runs every suite. `make help` lists the rest.

.DEFAULT_GOAL := help
.PHONY: help up down destroy reset status logs prepare ssh setup test lint unit sanity suites integration molecule build clean

# What may be said on the command line, as in `make up VM=web MEMORY=4GiB`; play.py gives it to the playbook.
VARIABLES := VM CPUS MEMORY DISK IMAGE PROFILE HYPERVISOR ALL CMD INVENTORY LIMIT ARGS
BURROW_GIVEN := $(foreach name,$(VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
export BURROW_GIVEN BURROW_PYTHON

help: ## list the targets
	@echo 'Two commands: make up, make test. All targets:'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-12s %s\n", $$1, $$2 }'
	@echo 'Variables: VM=web CPUS=2 MEMORY=4GiB DISK=30GiB IMAGE=debian-13 PROFILE=dev HYPERVISOR=host INVENTORY=path LIMIT=pattern'
	@echo "           CMD='uname -a' (ssh), ALL=1 (destroy), ARGS='--check --diff' (more arguments), SUITES='lint unit' (test)"

up: ## make the VM, reachable and provisioned; a second run changes nothing
	@tools/play.sh up

down: ## shut the VM down; its disks stay
	@tools/play.sh down

destroy: ## remove the VM and its disks (VM=name, or ALL=1)
	@tools/play.sh destroy

reset: ## give the VM a new root disk and a first boot
	@tools/play.sh reset

status: ## show the VMs
	@tools/play.sh status

logs: ## show the VM's console and cloud-init logs
	@tools/play.sh logs

prepare: ## install and start what a hypervisor needs, on this host
	@tools/play.sh prepare

ssh: ## log in to the VM, or run CMD there
	@tools/setup.sh runtime
	@.venv/bin/python tools/play.py ssh

setup: ## make the Python environments of the playbooks and the suites
	@tools/setup.sh test

test: setup ## run every suite; the last line is the sum
	@.venvs/test/bin/python -m tools.suites $(SUITES)

lint unit sanity suites integration molecule: setup
	@.venvs/test/bin/python -m tools.suites $@

lint:        ## ruff, mypy, yamllint, ansible-lint, shellcheck, docs, changelog
unit:        ## the pure layers, on every Python and ansible-core that is here
sanity:      ## ansible-test sanity, on every ansible-core that is here
suites:      ## whatever is in tests/suites: the tarball, the examples
integration: ## the modules on this host's libvirt
molecule:    ## real guests

build: ## build the collection's tarball
	@tools/setup.sh runtime
	@.venv/bin/ansible-galaxy collection build --force .

clean: ## remove what make made in the checkout; VMs stay
	rm -rf .venv .venvs .cache tests/output burrow-vm-*.tar.gz
