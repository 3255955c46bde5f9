# cprof - `make help` lists targets and knobs.

CC      ?= gcc
BUILD   ?= build
PREFIX  ?= /usr/local
O       ?= -O2
V       ?= 0
Q       := $(if $(filter 1,$(V)),,@)
ARCH    := $(shell $(CC) -dumpmachine | cut -d- -f1)

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
CFLAGS  ?= $(O) -g
COMMON  := -std=gnu11 $(WARN) -D_GNU_SOURCE -MMD -MP -I$(BUILD)/gen -I.
AGENT_CFLAGS := $(COMMON) -fPIC -fvisibility=hidden -ftls-model=initial-exec \
                -fno-stack-protector -U_FORTIFY_SOURCE -fno-builtin-malloc -fno-semantic-interposition
LIBS    := -l:libprotobuf-c.a -l:libz.a -l:libiberty.a

# Sources choose themselves by folder; a file for one processor ends in its name.
ours     = $(filter-out %_x86_64.c %_aarch64.c %_x86_64.S %_aarch64.S,$(1)) $(filter %_$(ARCH).c %_$(ARCH).S,$(1))
AGENT_SRC := $(call ours,$(wildcard agent/rt/*.c agent/sample/*.c agent/control/*.c agent/output/*.c shim/*.c shim/*.S agent/rt/*.S agent/sample/*.S))
CLI_SRC   := $(call ours,$(wildcard cli/*.c agent/output/*.c agent/rt/buf.c agent/rt/mem.c))
AGENT_OBJ := $(patsubst %,$(BUILD)/agent-obj/%.o,$(AGENT_SRC))
CLI_OBJ   := $(patsubst %,$(BUILD)/cli-obj/%.o,$(CLI_SRC))

all: $(BUILD)/libcprof.so $(if $(wildcard cli/*.c),$(BUILD)/cprof)

$(BUILD)/gen/%.pb-c.h $(BUILD)/gen/%.pb-c.c: proto/%.proto
	@mkdir -p $(BUILD)/gen
	$(Q)protoc-c --proto_path=proto --c_out=$(BUILD)/gen $<

PROTO_H := $(patsubst proto/%.proto,$(BUILD)/gen/%.pb-c.h,$(wildcard proto/*.proto))
PROTO_C := $(PROTO_H:.h=.c)
AGENT_OBJ += $(patsubst $(BUILD)/gen/%.c,$(BUILD)/agent-obj/%.o,$(PROTO_C))
CLI_OBJ   += $(patsubst $(BUILD)/gen/%.c,$(BUILD)/cli-obj/%.o,$(PROTO_C))

$(BUILD)/agent-obj/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(AGENT_CFLAGS) $(CFLAGS) -Wno-missing-prototypes -Wno-shadow -c $< -o $@
$(BUILD)/cli-obj/%.o: $(BUILD)/gen/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON) $(CFLAGS) -Wno-shadow -c $< -o $@
$(BUILD)/agent-obj/%.o: % | $(PROTO_H)
	@mkdir -p $(@D)
	$(Q)$(CC) $(AGENT_CFLAGS) $(CFLAGS) -c $< -o $@
$(BUILD)/cli-obj/%.o: % | $(PROTO_H)
	@mkdir -p $(@D)
	$(Q)$(CC) $(COMMON) $(CFLAGS) -c $< -o $@

$(BUILD)/libcprof.so: $(AGENT_OBJ) shim/libcprof.map
	@echo "  LINK $@"
	$(Q)$(CC) -shared $(CFLAGS) -o $@ $(AGENT_OBJ) -Wl,--version-script=shim/libcprof.map \
	    -Wl,-soname,libcprof.so -Wl,-z,now -Wl,-z,relro -Wl,-z,nodelete -Wl,-z,defs -Wl,--as-needed \
	    -Wl,--exclude-libs,ALL -Wl,--gc-sections $(LIBS)

$(BUILD)/cprof: $(CLI_OBJ)
	@echo "  LINK $@"
	$(Q)$(CC) $(CFLAGS) -o $@ $(CLI_OBJ) $(LIBS) -l:libjemalloc.a -lpthread -ldl -lm

clean:
	rm -rf $(BUILD)

.PHONY: all clean
-include $(AGENT_OBJ:.o=.d) $(CLI_OBJ:.o=.d)
