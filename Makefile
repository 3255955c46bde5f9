# SPDX-License-Identifier: MIT
# cprof - `make help` lists targets and knobs. Sources choose themselves by folder:
# a new file needs no line here.

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := g++
endif

#= V=1                 show the commands
V        ?= 0
#= O=-O2               optimisation of the agent and the CLI
O        ?= -O2
#= SAN=                address,undefined or thread: unit tests and fuzzers under it
SAN      ?=
#= CC=gcc              or clang; CXX= for the test programs
#= BUILD=build         where everything made goes
BUILD    ?= build
#= PREFIX=/usr/local   where install puts things; LIBDIR= and DESTDIR= too
PREFIX   ?= /usr/local
DESTDIR  ?=
#= T=                  test: only those whose name contains one of these words
T        ?=
#= BENCH=full          or quick
BENCH    ?= full
#= SOAK_SECONDS=120    soak: how long each long test may stress; 440 makes an hour in all
SOAK_SECONDS ?= 120
#= FUZZ_SECONDS=60     fuzz: how long each fuzzer runs
FUZZ_SECONDS ?= 60

VERSION  := $(shell sed -n 's/^.define CP_VERSION "\(.*\)"/\1/p' agent/rt/version.h)
ARCH     := $(shell $(CC) -dumpmachine | cut -d- -f1)
MULTIARCH := $(shell $(CC) -print-multiarch 2>/dev/null)
LIBDIR   ?= $(PREFIX)/lib$(if $(MULTIARCH),/$(MULTIARCH),64)
MANDIR   ?= $(PREFIX)/share/man
B        := $(BUILD)$(SAN:%=/san-%)
Q        := $(if $(filter 1,$(V)),,@)
say       = @$(if $(filter 1,$(V)),:,printf '  %-5s %s\n' $(1) $(2))

# gcc warns of each fence under the thread sanitizer, which knows none.
WARN     := -Wall -Wextra -Werror $(if $(filter thread,$(SAN)),$(if $(findstring clang,$(CC)),,-Wno-tsan)) \
            -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CFLAGS   ?= $(O) -g
SAN_FLAGS := $(if $(SAN),-fsanitize=$(SAN:fuzzer=address,undefined,fuzzer-no-link) \
            -fno-sanitize-recover=all -fno-omit-frame-pointer)
COMMON   := -std=gnu11 -D_GNU_SOURCE -MMD -MP -I$(BUILD)/gen -I. -ffunction-sections \
            -fdata-sections $(SAN_FLAGS)
# Protector and fortify call into libc, and so do loops that the compiler takes for memcpy;
# initial-exec TLS never calls __tls_get_addr, which allocates.
AGENT    := -fPIC -fvisibility=hidden -ftls-model=initial-exec -fno-stack-protector \
            -U_FORTIFY_SOURCE -fno-builtin-malloc -fno-semantic-interposition \
            $(if $(findstring clang,$(CC)),,-fno-tree-loop-distribute-patterns)
LIBS     := -l:libprotobuf-c.a -l:libz.a
CLI_LIBS := $(LIBS) -l:libbacktrace.a -l:liblzma.a -l:libjemalloc.a -pthread -ldl -lm
# libbacktrace is part of gcc's own folder, whichever compiler is used.
GCC_DIR  := $(dir $(shell gcc -print-file-name=libbacktrace.a))

# A file for one processor ends in its name.
ours      = $(filter-out %_x86_64.c %_aarch64.c %_x86_64.S %_aarch64.S,$(1)) $(filter %_$(ARCH).c %_$(ARCH).S,$(1))
files     = $(call ours,$(wildcard $(foreach d,$(1),$(d)/*.c $(d)/*.S)))
AGENT_SRC := $(call files,agent agent/rt agent/sample agent/elf agent/control agent/output)
SHIM_SRC  := $(call files,shim)
CLI_SRC   := $(call files,cli agent/output agent/elf agent/rt)
LINES_SRC := $(filter cli/lines%,$(CLI_SRC))
CLI_SRC   := $(filter-out $(LINES_SRC),$(CLI_SRC))
LINES_SRC += $(filter-out cli/%,$(CLI_SRC))
CLI_SRC   += agent/control/parse.c

PROTO_C   := $(patsubst proto/%.proto,$(BUILD)/gen/%.pb-c.c,$(wildcard proto/*.proto))
PROTO_H   := $(PROTO_C:.c=.h)
DEMANGLER := $(BUILD)/demangler/cp-demangle.o $(BUILD)/demangler/rust-demangle.o
PROTO_O   := $(patsubst $(BUILD)/gen/%.c,gen/%.c.o,$(PROTO_C))
AGENT_OBJ := $(AGENT_SRC:%=$(B)/agent-obj/%.o) $(PROTO_O:%=$(B)/agent-obj/%) $(DEMANGLER)
SHIM_OBJ  := $(SHIM_SRC:%=$(B)/agent-obj/%.o)
CLI_OBJ   := $(CLI_SRC:%=$(B)/cli-obj/%.o) $(PROTO_O:%=$(B)/cli-obj/%) $(DEMANGLER)
LINES_OBJ := $(LINES_SRC:%=$(B)/cli-obj/%.o) $(DEMANGLER)

UNIT      := $(patsubst test/unit/%.c,$(B)/unit/%,$(wildcard test/unit/test_*.c))
BENCHES   := $(addprefix $(BUILD)/bench/,$(patsubst lib%,lib%.so,$(notdir $(basename $(wildcard test/bench/*.c) \
             $(wildcard test/bench/*.cc)))) $(patsubst test/bench/%.rs,%-rs,$(wildcard test/bench/*.rs)))
FUZZERS   := $(patsubst test/fuzz/%.c,$(B)/fuzz/%,$(wildcard test/fuzz/fuzz_*.c))
PROGS     := $(addprefix $(BUILD)/prog/,$(patsubst lib%,lib%.so,$(notdir $(basename \
             $(wildcard test/prog/*.c test/prog/*.cc test/prog/*.rs test/prog/*.S)))))
PRODUCTS  := $(BUILD)/libcprof.so $(if $(wildcard cli/*.c),$(BUILD)/cprof) \
             $(if $(wildcard cli/lines*.c),$(BUILD)/cprof-lines)

## all        the library, the cprof program, its symbol helper (default)
all: $(PRODUCTS)

$(BUILD)/gen/%.pb-c.c $(BUILD)/gen/%.pb-c.h &: proto/%.proto
	$(call say,PROTO,$<)
	@mkdir -p $(BUILD)/gen
	$(Q)protoc-c --proto_path=proto --c_out=$(BUILD)/gen $<

# Other flags or another compiler: everything is made anew.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(COMMON) $(WARN) $(AGENT) $(CFLAGS)' | cmp -s - $@ || \
	    echo '$(CC) $(COMMON) $(WARN) $(AGENT) $(CFLAGS)' > $@

# The demanglers of libiberty, with what they want of libc turned to agent/elf/demangle_libc.c.
$(DEMANGLER) &: agent/elf/demangle.syms
	$(call say,COPY,'$(DEMANGLER)')
	@mkdir -p $(BUILD)/demangler
	$(Q)cd $(BUILD)/demangler && ar x $$(gcc -print-file-name=libiberty.a) $(notdir $(DEMANGLER)) && \
	    for o in $(notdir $(DEMANGLER)); do objcopy --redefine-syms=$(CURDIR)/$< $$o; done
# In the library from an archive: ld can keep an archive's names from being exported.
$(BUILD)/demangler/libdemangle.a: $(DEMANGLER)
	@rm -f $@
	$(Q)ar rcsD $@ $^

# protoc-c's output is compiled without our warnings.
define objects
$(B)/$(1)/gen/%.o: $(BUILD)/gen/% $(B)/flags
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(COMMON) $(2) $$(CFLAGS) -c $$< -o $$@
$(B)/$(1)/%.o: % $(B)/flags | $(PROTO_H)
	$$(call say,CC,$$@)
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(COMMON) $$(WARN) $(2) $$(CFLAGS) -c $$< -o $$@
endef
$(eval $(call objects,agent-obj,$$(AGENT)))
$(eval $(call objects,cli-obj,-idirafter $(GCC_DIR)include))

# The page taken into it.
$(foreach d,agent-obj cli-obj,$(B)/$(d)/agent/output/flame_page.S.o): agent/output/flame.html

$(BUILD)/libcprof.so: $(filter-out $(DEMANGLER),$(AGENT_OBJ)) $(SHIM_OBJ) $(BUILD)/demangler/libdemangle.a \
                      shim/libcprof.map shim/libcprof.lds
	$(call say,LINK,$@)
	$(Q)$(CC) -shared $(CFLAGS) -o $@ $(filter-out %.map %.lds,$^) \
	    -Wl,--version-script=shim/libcprof.map -Wl,-T,shim/libcprof.lds \
	    -Wl,-soname,libcprof.so -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,-z,defs -Wl,--as-needed \
	    -Wl,--exclude-libs,ALL -Wl,--gc-sections $(LIBS)

link_cli = $(CC) $(CFLAGS) -o $@ $(filter %.o,$^) -L$(GCC_DIR) -Wl,--gc-sections $(CLI_LIBS)
$(BUILD)/cprof: $(CLI_OBJ)
	$(call say,LINK,$@)
	$(Q)$(link_cli)
$(BUILD)/cprof-lines: $(LINES_OBJ) $(PROTO_O:%=$(B)/cli-obj/%)
	$(call say,LINK,$@)
	$(Q)$(link_cli)

# --- tests -------------------------------------------------------------------

# Unit tests take the agent from an archive: a test may define a stand-in for a
# function of another module, and only what it uses is linked.
$(B)/agent.a: $(AGENT_OBJ)
	@rm -f $@
	$(Q)ar rcsDT $@ $^

# `// cflags: ...` and `// libs: ...` in a source's first lines are heard.
head = $(shell sed -n '1,8s|^.*$(1): *\(.*\)$$|\1|p' $< | sed 's|\*/.*||')
with_agent = $(CC) $(COMMON) $(WARN) $(CFLAGS) $(call head,cflags) -MF $(@D)/$(@F).d -o $@ $< $(B)/agent.a \
             -Wl,--gc-sections $(call head,libs) $(LIBS) -pthread -ldl -lm
$(B)/unit/%: test/unit/%.c $(B)/agent.a $(B)/flags
	$(call say,TEST,$@)
	@mkdir -p $(@D)
	$(Q)$(with_agent) -lcmocka
$(BUILD)/bench/lib%.so: test/bench/lib%.c $(B)/flags
	$(call say,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON) $(WARN) $(CFLAGS) -shared -fPIC -MF $@.d -o $@ $<
$(BUILD)/bench/%: test/bench/%.cc $(B)/flags
	$(call say,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -O2 -g -Wall -MMD -MP -MF $@.d -o $@ $<
$(BUILD)/bench/%-rs: test/bench/%.rs $(B)/flags
	$(call say,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)env -u MAKEFLAGS -u MFLAGS rustc --edition 2021 -C opt-level=2 -g -o $@ $<
$(BUILD)/bench/%: test/bench/%.c $(BUILD)/agent.a $(BUILD)/flags
	$(call say,BENCH,$@)
	@mkdir -p $(@D)
	$(Q)$(with_agent)

# Victims: programs the agent is loaded into. lib*.c become shared libraries. To the
# compiler malloc is a function like others: it may not drop what is freed unused.
PROG_FLAGS := -O1 -g -Wall -D_GNU_SOURCE -pthread -MMD -MP -fno-builtin-malloc -fno-builtin-calloc
prog = $(call say,PROG,$@)
$(BUILD)/prog/lib%.so: test/prog/lib%.c
	$(prog)
	@mkdir -p $(@D)
	$(Q)$(CC) $(PROG_FLAGS) -shared -fPIC $(call head,cflags) -MF $@.d -o $@ $< $(call head,libs)
$(BUILD)/prog/lib%.so: test/prog/lib%.cc
	$(prog)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(PROG_FLAGS) -shared -fPIC $(call head,cflags) -MF $@.d -o $@ $< $(call head,libs)
$(BUILD)/prog/%: test/prog/%.c
	$(prog)
	@mkdir -p $(@D)
	$(Q)$(CC) $(PROG_FLAGS) $(call head,cflags) -MF $@.d -o $@ $< $(call head,libs)
$(BUILD)/prog/%: test/prog/%.cc
	$(prog)
	@mkdir -p $(@D)
	$(Q)$(CXX) $(PROG_FLAGS) $(call head,cflags) -MF $@.d -o $@ $< $(call head,libs)
$(BUILD)/prog/%: test/prog/%.S
	$(prog)
	@mkdir -p $(@D)
	$(Q)$(CC) -g $(call head,cflags) -o $@ $< $(call head,libs)
$(BUILD)/prog/%: test/prog/%.rs
	$(prog)
	@mkdir -p $(@D)
	$(Q)rustc --edition 2021 -C opt-level=1 -g $(call head,cflags) -o $@ $<

$(B)/fuzz/%: test/fuzz/%.c $(B)/agent.a $(B)/flags
	$(call say,FUZZ,$@)
	@mkdir -p $(@D)
	$(Q)$(with_agent) -fsanitize=fuzzer

include test/unwind/unwind.mk

unit: $(UNIT)
progs: $(PROGS) $(UNWIND_TESTS)
benches: $(BENCHES)

## test       every test (unit tests only with SAN=); needs `scripts/deps test` once
test: $(if $(SAN),unit,all unit progs)
	$(Q)BUILD=$(BUILD) SAN=$(SAN) scripts/run-tests $(T)

## sanitize   the unit tests under sanitizers: address and undefined, then thread
sanitize:
	@$(MAKE) --no-print-directory SAN=address,undefined O=-O1 test
	@$(MAKE) --no-print-directory SAN=thread O=-O1 test

## check      layering, exports, allow-lists, banners, format, clang-tidy, cppcheck, shellcheck
check: all
	$(Q)BUILD=$(BUILD) CC=$(CC) scripts/check

## demo       a real server under the library, and what cprof shows of it
demo:
	$(Q)scripts/demo

## bench      what the library costs, and how fast its parts are
bench: all benches progs
	$(Q)BUILD=$(BUILD) BENCH=$(BENCH) scripts/bench

## soak       the stress tests and real programs, for minutes or an hour
soak: all unit progs
	$(Q)BUILD=$(BUILD) SOAK_SECONDS=$(SOAK_SECONDS) scripts/run-tests $(T)

## fuzz       the fuzzers (clang), each for FUZZ_SECONDS, eight at a time
fuzz:
	@$(MAKE) --no-print-directory CC=clang SAN=fuzzer fuzzers
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) scripts/fuzz $(BUILD)/san-fuzzer/fuzz $(T)
fuzzers: $(FUZZERS)

## install    library, programs, man pages under DESTDIR and PREFIX
install: all
	$(Q)DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' MANDIR='$(MANDIR)' BUILD='$(BUILD)' \
	    VERSION='$(VERSION)' scripts/install
## uninstall  takes away what install put there
uninstall:
	$(Q)DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' LIBDIR='$(LIBDIR)' MANDIR='$(MANDIR)' BUILD='$(BUILD)' \
	    VERSION='$(VERSION)' scripts/install --remove

## clean      removes everything made
clean:
	$(Q)rm -rf $(BUILD)

## help       this text
help:
	@echo 'cprof $(VERSION): make [TARGET] [KNOB=VALUE]'; echo
	@sed -n 's/^## /  /p' Makefile; echo; sed -n 's/^#= /  /p' Makefile

FORCE:
.PHONY: all fuzzers unit progs benches test sanitize check demo bench soak fuzz install uninstall clean help FORCE
.DELETE_ON_ERROR:
.SECONDARY: $(PROTO_C) $(PROTO_H)
-include $(patsubst %.o,%.d,$(AGENT_OBJ) $(SHIM_OBJ) $(CLI_OBJ) $(LINES_OBJ))
-include $(addsuffix .d,$(UNIT) $(PROGS) $(BENCHES))
