# SPDX-License-Identifier: GPL-3.0-or-later
#
# One flat makefile: every folder is found by wildcard, so that a new file needs no line here.
# `make help` lists the targets. Variables marked ?= can be set on the command line or in the environment.

VERSION  := 0.1.0
ABI      := 0

BUILD      ?= build
PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
DATADIR    ?= $(PREFIX)/share
MANDIR     ?= $(DATADIR)/man
DOCDIR     ?= $(DATADIR)/doc/patronus
BASHDIR    ?= $(DATADIR)/bash-completion/completions
ZSHDIR     ?= $(DATADIR)/zsh/site-functions
FISHDIR    ?= $(DATADIR)/fish/vendor_completions.d
PKGDIR     ?= $(LIBDIR)/pkgconfig
UNITDIR    ?= $(PREFIX)/lib/systemd/system
DESTDIR    ?=

CC         ?= cc
CLANG      ?= clang
AR         ?= ar
INSTALL    ?= install
PKG_CONFIG ?= pkg-config
PROVE      ?= prove
JOBS       ?= $(shell nproc 2>/dev/null || echo 1)
FUZZ_RUNS  ?= 1000000
FUZZ_MAX   ?= 4096
SOAK_SECONDS ?= 600
# A test that hangs must not hang the run.
TEST_TIMEOUT ?= 900
# Most tests wait for something, most of the time.
TEST_JOBS  ?= $(shell expr 2 '*' $(JOBS))

CFLAGS   ?= -O2 -g
CPPFLAGS ?=
LDFLAGS  ?=
WARN     := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
	    -Wmissing-prototypes
# Only `make lint` turns findings into errors: a newer compiler must not break a build.
WARN_LINT := $(WARN) -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 -Werror
SAN      := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -O1 -g

PKGS      := libconfuse libnftnl libmnl nettle libbpf libseccomp jansson
# Recursively expanded once, then simple: pkg-config runs only when something is compiled.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell $(PKG_CONFIG) --libs $(PKGS)) -lresolv -lm)$(PKG_LIBS)
TEST_LIBS := -lcmocka

BASE_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DPT_VERSION='"$(VERSION)"' -fPIC -fvisibility=hidden \
	      -Ilib/include -Ilib $(PKG_CFLAGS) $(CPPFLAGS) -MMD -MP
TEST_CFLAGS = -Itests -Itests/lib -Icmd
CMD_CFLAGS  = -Icmd

LIB_SRC     := $(wildcard lib/*/*.c)
TOOL_SRC    := $(wildcard cmd/*/*.c)
TOOLS       := $(sort $(notdir $(patsubst %/,%,$(dir $(TOOL_SRC)))))
UNIT_SRC    := $(wildcard tests/unit/*.c)
NETNS_SRC   := $(filter-out tests/netns/lab%.c,$(wildcard tests/netns/*.c))
NETNS_LAB   := $(wildcard tests/netns/lab*.c)
NETNS_SH    := $(sort $(wildcard tests/netns/*.sh))
VM_T        := $(sort $(wildcard tests/vm/*.t))
# Tests with packets wait, those in a machine calculate: one of these among eight of those keeps the processors busy.
NETNS_VM    := $(shell printf '%s\n' $(NETNS_SH) | awk -v vm='$(VM_T)' 'BEGIN { n = split(vm, v, " ") } { print } \
		 NR % 8 == 2 && k < n { print v[++k] } END { while (k < n) print v[++k] }')
VM_SRC      := $(wildcard tests/vm/*.c)
FUZZ_SRC    := $(wildcard tests/fuzz/*.c)
BENCH_SRC   := $(filter-out %.bpf.c,$(wildcard tests/bench/*.c))
BENCH_BPF   := $(wildcard tests/bench/*.bpf.c)
DEMO_SRC    := $(wildcard contrib/demo/*.c)
LAYER_TESTS := $(wildcard tests/*.t)
MAN         := $(wildcard man/*.[1-9])
C_SRC       := $(LIB_SRC) $(TOOL_SRC) $(UNIT_SRC) $(NETNS_SRC) $(NETNS_LAB) $(VM_SRC) $(FUZZ_SRC) $(BENCH_SRC) \
	       $(DEMO_SRC) $(wildcard tests/lib/*.c)
SH_SRC      := contrib/bootstrap contrib/init/patronus .ci/run $(LAYER_TESTS) $(NETNS_SH) $(VM_T) $(wildcard tests/vm/vmtest tests/*.sh tests/lib/*.sh \
	       tests/bench/*.sh tests/bench/classbench contrib/demo/run contrib/demo/*.sh completions/*.bash)

A       := $(BUILD)/libpatronus.a
SO      := $(BUILD)/libpatronus.so.$(ABI)
ASAN_A  := $(BUILD)/asan/libpatronus.a
FUZZ_A  := $(BUILD)/fuzz/libpatronus.a
PC      := $(BUILD)/libpatronus.pc
BINS    := $(addprefix $(BUILD)/,$(TOOLS))
DEMOS   := $(DEMO_SRC:%.c=$(BUILD)/%)
UNIT_T  := $(UNIT_SRC:%.c=$(BUILD)/%.t)
ASAN_T  := $(UNIT_SRC:%.c=$(BUILD)/asan/%.t)
VM_BIN  := $(BUILD)/tests/vm/powercut
NETNS_T := $(NETNS_SRC:%.c=$(BUILD)/%.t)
FUZZERS := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/%)
REPLAY_T := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/asan/tests/fuzz/%.t)

ifeq ($(V),1)
Q   :=
say  = @:
else
Q   := @
say  = @printf '  %-7s %s\n' '$(1)' '$(patsubst $(BUILD)/%,%,$(2))' >&2
MAKEFLAGS += --no-print-directory
endif
ifeq ($(filter -j%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(JOBS)
endif

# Symbols that a test replaces (functions __wrap_NAME in it or in what it includes of tests/lib) become --wrap options of its link.
wraps = $$(sed -n 's/.*\b__wrap_\([a-z0-9_]*\)(.*/-Wl,--wrap=\1/p' $(1) \
	$$(sed -n 's,^\#include "\(lib/.*\)",tests/\1,p' $(1)) | sort -u)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check check-unit check-asan check-netns check-vm check-fuzz check-layers demo install lint lint-gcc \
	lint-cppcheck lint-tidy lint-shell lint-man fuzz soak bench help clean tests
.DEFAULT_GOAL := all

all: $(BINS) $(A) $(SO) $(PC) ## build the tools, the library and its pkg-config file

help: ## show this list
	@printf 'Usage: make [TARGET] [VARIABLE=VALUE ...]\n\nTargets:\n'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'
	@printf '\nVariables: V=1 JOBS=%s BUILD=%s PREFIX=%s DESTDIR= CC=%s CFLAGS="%s" FUZZ_RUNS=%s SOAK_SECONDS=%s\n' \
		'$(JOBS)' '$(BUILD)' '$(PREFIX)' '$(CC)' '$(CFLAGS)' '$(FUZZ_RUNS)' '$(SOAK_SECONDS)'

# ---- objects: plain, sanitized, instrumented for fuzzing ----

$(BUILD)/obj/%.o: %.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE_CFLAGS) $(if $(filter tests/%,$<),$(TEST_CFLAGS)) $(if $(filter cmd/%,$<),$(CMD_CFLAGS)) $(WARN) $(CFLAGS) -c -o $@ $<

$(BUILD)/asan/obj/%.o: %.c
	$(call say,ASAN,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE_CFLAGS) $(if $(filter tests/%,$<),$(TEST_CFLAGS)) $(if $(filter cmd/%,$<),$(CMD_CFLAGS)) $(WARN) $(SAN) -c -o $@ $<

$(BUILD)/fuzz/obj/%.o: %.c
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BASE_CFLAGS) $(if $(filter tests/%,$<),$(TEST_CFLAGS)) $(if $(filter cmd/%,$<),$(CMD_CFLAGS)) $(SAN) -O2 \
		-fsanitize=fuzzer-no-link -c -o $@ $<

# ---- programs for the kernel, and the objects that carry them ----

BPF_CFLAGS := -O2 -g -target bpf -Ilib -Wall -Wextra -Werror -idirafter /usr/include/$(shell uname -m)-linux-gnu

$(BUILD)/%.bpf.o: %.bpf.c
	$(call say,BPF,$@)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -MMD -MP -c -o $@ $<

LIB_ASM := $(wildcard lib/*/*.S)
$(LIB_ASM:%.S=$(BUILD)/obj/%.o): $(BUILD)/obj/%.o: %.S $(BUILD)/bpf/classify.bpf.o $(BUILD)/bpf/each.bpf.o
	$(call say,AS,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -DPT_BPF_OBJECT='"$(BUILD)/bpf/classify.bpf.o"' \
		-DPT_BPF_EACH='"$(BUILD)/bpf/each.bpf.o"' -c -o $@ $<

# ---- library ----

LIB_ASM_O := $(LIB_ASM:%.S=$(BUILD)/obj/%.o)
$(A): $(LIB_SRC:%.c=$(BUILD)/obj/%.o) $(LIB_ASM_O)
$(ASAN_A): $(LIB_SRC:%.c=$(BUILD)/asan/obj/%.o) $(LIB_ASM_O)
$(FUZZ_A): $(LIB_SRC:%.c=$(BUILD)/fuzz/obj/%.o) $(LIB_ASM_O)
$(A) $(ASAN_A) $(FUZZ_A):
	$(call say,AR,$@)
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(SO): $(LIB_SRC:%.c=$(BUILD)/obj/%.o) $(LIB_ASM_O)
	$(call say,LD,$@)
	$(Q)$(CC) -shared -Wl,-soname,$(notdir $@) -Wl,-z,defs -Wl,-z,relro -Wl,-z,now $(CFLAGS) $(LDFLAGS) \
		-o $@ $^ $(PKG_LIBS)
	$(Q)ln -sf $(notdir $@) $(BUILD)/libpatronus.so

$(PC): Makefile
	@mkdir -p $(@D)
	@printf '%s\n' 'prefix=$(PREFIX)' 'libdir=$(LIBDIR)' 'includedir=$(INCLUDEDIR)' '' \
		'Name: libpatronus' 'Description: Linux firewall from pf.conf rules' 'Version: $(VERSION)' \
		'Requires.private: $(PKGS)' 'Libs: -L$${libdir} -lpatronus' 'Cflags: -I$${includedir}' >$@

# ---- tools: one in the build folder that runs as it is, one for installing that needs the shared library ----

# The console runs the commands of the others: each of them is one object there, of which only its table can be seen,
# and where the text goes that it is given.
TABLES := $(filter-out ptsh,$(TOOLS))
# Commands that are the same in two tools are the same objects: what ptdiag has of others.
shared_ptdiag := $(wildcard cmd/ptfw/state*.c) cmd/ptfw/common.c cmd/ptnet/route.c
tool_src = $(wildcard cmd/$(1)/*.c) $(shared_$(1))
define table
$(BUILD)$(2)/obj/$(1).table.o: $(patsubst %.c,$(BUILD)$(2)/obj/%.o,$(call tool_src,$(1)))
	$$(call say,LD,$$@)
	$$(Q)$$(CC) -r -nostdlib -o $$@ $$^
	$$(Q)objcopy --keep-global-symbol=$(1)_tool --keep-global-symbol=$(1)_candidate $$@
endef
$(foreach t,$(TABLES),$(eval $(call table,$(t),)) $(eval $(call table,$(t),/asan)))

tool_o = $(patsubst %.c,$(BUILD)$(2)/obj/%.o,$(call tool_src,$(1))) $(if $(filter ptsh,$(1)),$(TABLES:%=$(BUILD)$(2)/obj/%.table.o))
tool_libs = $(if $(filter ptsh,$(1)),-lreadline)
# Put in their places whole: a test that runs meanwhile finds the old one or the new one, and never none.
define tool
$(BUILD)/$(1): $(call tool_o,$(1),) $(A)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -o $$@.part $$^ $$(PKG_LIBS) $(call tool_libs,$(1)) && mv -f $$@.part $$@
$(BUILD)/asan/$(1): $(call tool_o,$(1),/asan) $(ASAN_A)
	$$(call say,LD,$$@)
	$$(Q)$$(CC) $(SAN) $$(LDFLAGS) -o $$@ $$^ $$(PKG_LIBS) $(call tool_libs,$(1))
$(BUILD)/shared/$(1): $(call tool_o,$(1),) $(SO)
	$$(call say,LD,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CFLAGS) $$(LDFLAGS) -pie -Wl,-z,relro -Wl,-z,now -o $$@ $$(filter %.o,$$^) -L$(BUILD) -lpatronus $$(PKG_LIBS) \
		$(call tool_libs,$(1))
endef
$(foreach t,$(TOOLS),$(eval $(call tool,$(t))))

# ---- tests ----

$(BUILD)/tests/unit/%.t: $(BUILD)/obj/tests/unit/%.o $(A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(call wraps,tests/unit/$*.c) -o $@ $(filter %.o,$^) $(A) $(TEST_LIBS) $(PKG_LIBS)

$(BUILD)/asan/tests/unit/%.t: $(BUILD)/asan/obj/tests/unit/%.o $(ASAN_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) $(call wraps,tests/unit/$*.c) -o $@ $(filter %.o,$^) $(ASAN_A) $(TEST_LIBS) $(PKG_LIBS)

# What looks at the tables of commands.
$(BUILD)/tests/unit/console_classes.t: $(TABLES:%=$(BUILD)/obj/%.table.o)
$(BUILD)/asan/tests/unit/console_classes.t: $(TABLES:%=$(BUILD)/asan/obj/%.table.o)

$(BUILD)/tests/netns/%.t: $(BUILD)/obj/tests/netns/%.o $(NETNS_LAB:%.c=$(BUILD)/obj/%.o) $(A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(call wraps,tests/netns/$*.c) -o $@ $(filter %.o,$^) $(A) $(TEST_LIBS) $(PKG_LIBS)

# A whole tool as part of a test: its main is NAME_main there.
$(BUILD)/obj/%.whole.o: $(TOOL_SRC:%.c=$(BUILD)/obj/%.o)
	$(call say,LD,$@)
	$(Q)$(CC) -r -nostdlib -o $@ $(filter $(BUILD)/obj/cmd/$*/%,$^)
	$(Q)objcopy --redefine-sym main=$*_main $@
$(BUILD)/tests/netns/memory.t $(BUILD)/tests/netns/reading.t $(BUILD)/tests/netns/screen.t: $(BUILD)/obj/ptfw.whole.o
$(BUILD)/tests/netns/faults.t $(BUILD)/tests/netns/ptsh_words.t: $(TABLES:%=$(BUILD)/obj/%.table.o)

# The corpus replay needs no clang: the same target under a small main that reads files.
$(BUILD)/asan/tests/fuzz/%.t: $(BUILD)/asan/obj/tests/fuzz/%.o $(BUILD)/asan/obj/tests/lib/replay.o $(ASAN_A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(SAN) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/%.o $(FUZZ_A)
	$(call say,LD,$@)
	$(Q)$(CLANG) $(SAN) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# What runs in the virtual machine.
$(BUILD)/tests/vm/powercut: $(VM_SRC:%.c=$(BUILD)/obj/%.o) $(A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o $(A)
	$(call say,LD,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/contrib/demo/%: contrib/demo/%.c
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) $(CFLAGS) $(LDFLAGS) -MMD -MP -MF $@.d -MT $@ -o $@.part $< && mv -f $@.part $@

TEST_ENV = PATRONUS_TOP='$(CURDIR)' PATRONUS_BUILD='$(abspath $(BUILD))' PTFW='$(abspath $(BUILD)/ptfw)' \
	   ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1:detect_stack_use_after_return=1 \
	   UBSAN_OPTIONS=print_stacktrace=1
RUN = $(TEST_ENV) $(PROVE) -j $(TEST_JOBS) $(PROVEFLAGS) --exec 'timeout -k 10 $(TEST_TIMEOUT)'

tests: all $(UNIT_T) $(ASAN_T) $(NETNS_T) $(VM_BIN) $(REPLAY_T) $(DEMOS) ## build every test, run none

check: tests ## run every test; one closing line
	$(Q)$(RUN) $(LAYER_TESTS) $(UNIT_T) $(ASAN_T) $(REPLAY_T) $(NETNS_T) $(NETNS_VM)

check-unit: $(UNIT_T) ## run the unit tests
	$(Q)$(RUN) $(UNIT_T)

check-asan: $(ASAN_T) ## run the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	$(Q)$(RUN) $(ASAN_T)

check-netns: all $(NETNS_T) $(DEMOS) ## run the tests with real packets (root)
	$(Q)$(RUN) $(NETNS_T) $(NETNS_SH)

check-vm: all $(NETNS_T) $(DEMOS) $(VM_BIN) ## run the tests in a virtual machine with Debian's kernel (root, qemu)
	$(Q)$(RUN) $(VM_T)

check-fuzz: $(REPLAY_T) ## replay the fuzz corpora under sanitizers
	$(Q)$(RUN) $(REPLAY_T)

SOAK_T := $(patsubst %,$(BUILD)/tests/unit/%.t,eval_ref space_eval expect expect_small meaning reach order classify) $(BUILD)/tests/netns/differential.t
soak: all $(SOAK_T) ## run the differential tests with new seeds for SOAK_SECONDS (600); with packets for root
	$(Q)$(TEST_ENV) SOAK_SECONDS='$(SOAK_SECONDS)' tests/soak.sh

check-layers: all ## check who includes whom, and calls that must not be there
	$(Q)$(RUN) $(LAYER_TESTS)

# Each target grows its own corpus in the build folder; the committed one is only read.
fuzz: $(FUZZERS) ## run every fuzz target FUZZ_RUNS times
	$(Q)set -e; for f in $(FUZZERS); do n=$${f##*/}; mkdir -p $(BUILD)/corpus/$$n; \
		printf '  FUZZ    %s: %s runs\n' "$$n" '$(FUZZ_RUNS)'; \
		"$$f" -runs=$(FUZZ_RUNS) -max_len=$(FUZZ_MAX) -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
			-artifact_prefix=$(BUILD)/fuzz/$$n- \
			$$(if [ -f tests/fuzz/$$n.dict ]; then echo "-dict=tests/fuzz/$$n.dict"; fi) \
			$(BUILD)/corpus/$$n $$(if [ -d tests/corpus/$$n ]; then echo "tests/corpus/$$n"; fi) \
			>$(BUILD)/fuzz/$$n.log 2>&1 || { tail -n 40 $(BUILD)/fuzz/$$n.log; exit 1; }; \
		grep -E 'DONE|number_of_executed_units' $(BUILD)/fuzz/$$n.log; done

bench: all $(BENCH_SRC:tests/bench/%.c=$(BUILD)/bench/%) $(BENCH_BPF:%.c=$(BUILD)/%.o) ## measure against other tools in the same run: a table, and JSON (root)
	$(Q)$(TEST_ENV) tests/bench/run.sh

demo: all $(DEMOS) ## run the product in namespaces of its own (root)
	$(Q)$(TEST_ENV) contrib/demo/run

# ---- lint: silent, or failing ----

lint: lint-gcc lint-cppcheck lint-tidy lint-shell lint-man ## gcc, cppcheck, clang-tidy, shellcheck, mandoc: silent or failing

lint-gcc: $(C_SRC:%.c=$(BUILD)/lint/%.o)
lint-tidy: $(C_SRC:%.c=$(BUILD)/lint/%.tidy)

$(BUILD)/lint/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE_CFLAGS) $(if $(filter tests/%,$<),$(TEST_CFLAGS)) $(if $(filter cmd/%,$<),$(CMD_CFLAGS)) $(WARN_LINT) -O2 -c -o $@ $<

$(BUILD)/lint/%.tidy: $(BUILD)/lint/%.o .clang-tidy
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $(if $(filter tests/%,$*),$(TIDY_TESTS)) $*.c -- $(filter-out -MMD -MP,$(BASE_CFLAGS)) \
		$(if $(filter tests/%,$*),$(TEST_CFLAGS)) $(if $(filter cmd/%,$*),$(CMD_CFLAGS)) >$@.log 2>&1 || { grep -A2 -E '(error|warning): ' $@.log; exit 1; }
	@touch $@

# cmocka's checks end a test, which neither analyser knows: null pointers in tests are not findings. Nor is a comparison
# of whole structs, which were cleared before.
TIDY_TESTS := --checks=-clang-analyzer-core.NullDereference,-clang-analyzer-core.NonNullParamChecker,-bugprone-suspicious-memory-comparison
CPPCHECK_TESTS := --suppress='nullPointer:tests/*' --suppress='ctunullpointer:tests/*'

lint-cppcheck:
	@mkdir -p $(BUILD)/lint/cppcheck
	$(Q)cppcheck -q -j $(JOBS) --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--std=c11 --suppress=missingIncludeSystem --suppress=duplicateAssignExpression $(CPPCHECK_TESTS) \
		'-DLIBBPF_OPTS(t, n, ...)=struct t n = { __VA_ARGS__ }' --cppcheck-build-dir=$(BUILD)/lint/cppcheck \
		-Ilib/include -Ilib -Itests -Itests/lib $(C_SRC)

lint-shell:
	$(Q)shellcheck -x $(wildcard $(SH_SRC))

lint-man:
	$(Q)set -- $(MAN); [ $$# -eq 0 ] || mandoc -Tlint -W warning,stop "$$@"

# ---- install ----

install: all $(addprefix $(BUILD)/shared/,$(TOOLS)) ## install under DESTDIR and PREFIX
	$(Q)$(INSTALL) -d $(addprefix $(DESTDIR),$(SBINDIR) $(LIBDIR) $(INCLUDEDIR)/patronus $(PKGDIR) $(DOCDIR)/examples \
		$(DATADIR)/patronus/schema)
	$(Q)$(INSTALL) -m 0755 $(addprefix $(BUILD)/shared/,$(TOOLS)) $(DESTDIR)$(SBINDIR)
	$(Q)$(INSTALL) -m 0755 $(SO) $(DESTDIR)$(LIBDIR)/libpatronus.so.$(VERSION)
	$(Q)ln -sf libpatronus.so.$(VERSION) $(DESTDIR)$(LIBDIR)/libpatronus.so.$(ABI)
	$(Q)ln -sf libpatronus.so.$(ABI) $(DESTDIR)$(LIBDIR)/libpatronus.so
	$(Q)$(INSTALL) -m 0644 $(A) $(DESTDIR)$(LIBDIR)
	$(Q)$(INSTALL) -m 0644 $(PC) $(DESTDIR)$(PKGDIR)
	$(Q)$(INSTALL) -m 0644 $(wildcard lib/include/patronus/*.h) $(DESTDIR)$(INCLUDEDIR)/patronus
	$(Q)$(INSTALL) -m 0644 $(wildcard contrib/examples/*) $(DESTDIR)$(DOCDIR)/examples
	$(Q)set -e; for m in $(MAN); do $(INSTALL) -D -m 0644 "$$m" "$(DESTDIR)$(MANDIR)/man$${m##*.}/$${m##*/}"; done
	$(Q)set -e; for s in $(wildcard contrib/schema/*); do $(INSTALL) -m 0644 "$$s" $(DESTDIR)$(DATADIR)/patronus/schema; done
	$(Q)set -e; for c in $(wildcard completions/*.bash); do b=$${c##*/}; $(INSTALL) -D -m 0644 "$$c" "$(DESTDIR)$(BASHDIR)/$${b%.bash}"; done
	$(Q)set -e; for c in $(wildcard completions/_*); do $(INSTALL) -D -m 0644 "$$c" "$(DESTDIR)$(ZSHDIR)/$${c##*/}"; done
	$(Q)set -e; for c in $(wildcard completions/*.fish); do $(INSTALL) -D -m 0644 "$$c" "$(DESTDIR)$(FISHDIR)/$${c##*/}"; done
	$(Q)set -e; for u in $(wildcard contrib/systemd/*.service); do $(INSTALL) -d $(DESTDIR)$(UNITDIR); \
		sed 's|@SBINDIR@|$(SBINDIR)|g' "$$u" >"$(DESTDIR)$(UNITDIR)/$${u##*/}"; \
		chmod 0644 "$(DESTDIR)$(UNITDIR)/$${u##*/}"; done
	$(Q)$(INSTALL) -d $(DESTDIR)$(DATADIR)/patronus/init $(DESTDIR)$(DATADIR)/patronus/nftables.service.d
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|g' contrib/init/patronus >$(DESTDIR)$(DATADIR)/patronus/init/patronus
	$(Q)chmod 0755 $(DESTDIR)$(DATADIR)/patronus/init/patronus
	$(Q)sed 's|@SBINDIR@|$(SBINDIR)|g' contrib/systemd/nftables.service.d/patronus.conf \
		>$(DESTDIR)$(DATADIR)/patronus/nftables.service.d/patronus.conf

clean: ## remove what was built
	$(Q)rm -rf $(BUILD)

-include $(shell [ -d $(BUILD) ] && find $(BUILD) -name '*.d' 2>/dev/null)
