# SPDX-License-Identifier: MIT
# unwind.mk - the walker's tests: preloadable oracle, stepped corpus, crash storm

UNWIND     := $(BUILD)/unwind
UNWIND_SRC := $(call ours,$(wildcard test/unwind/*.c test/unwind/*.S))
CORPUS_SRC := $(call ours,$(wildcard test/unwind/corpus/*.c test/unwind/corpus/*.cc test/unwind/corpus/*.S))

# name = compiler's family, then its flags. Each makes one program of all scenes.
CORPUS := gcc-O0 gcc-O1 gcc-O2 gcc-O3 gcc-Os gcc-O2-fp gcc-O2-cet gcc-O3-protect gcc-O2-lazy-nopie \
          clang-O0 clang-O1 clang-O2 clang-O3 clang-O2-fp clang-O2-cet-lazy clang-O3-lld
corpus_flags = -w $(patsubst %,-%,$(filter O%,$(subst -, ,$*))) -fasynchronous-unwind-tables \
               -ffunction-sections -D_GNU_SOURCE -U_FORTIFY_SOURCE \
               $(if $(findstring -fp,$*),-fno-omit-frame-pointer,-fomit-frame-pointer) \
               $(if $(findstring -cet,$*),-fcf-protection=full) \
               $(if $(findstring -protect,$*),-fstack-protector-all) \
               $(if $(findstring -nopie,$*),-fno-pie -Wl$(comma)-no-pie) \
               $(if $(findstring -lld,$*),-Wl$(comma)-fuse-ld=lld) \
               $(if $(findstring -lazy,$*),-Wl$(comma)-z$(comma)lazy,-Wl$(comma)-z$(comma)now)
comma := ,
cxx = $(if $(filter gcc-%,$*),g++,clang++)

$(UNWIND)/corpus/%: $(CORPUS_SRC) test/unwind/corpus/corpus.h
	$(call say,PROG,$@)
	@mkdir -p $@.d
	$(Q)set -e; family=$(firstword $(subst -, ,$*)); \
	for source in $(CORPUS_SRC); do \
	    case $$source in *.cc) cc=$(cxx);; *) cc=$$family;; esac; \
	    $$cc $(filter-out -Wl%,$(corpus_flags)) -c $$source -o $@.d/$$(basename $$source).o; \
	done; \
	$(cxx) -o $@ $@.d/*.o \
	    $(patsubst -Wl$(comma)-no-pie,-no-pie,$(patsubst -Wl$(comma)-fuse-ld=%,-fuse-ld=%,$(filter -Wl%,$(corpus_flags))))
$(UNWIND)/corpus/rusty-O%: test/unwind/corpus/rusty.rs
	$(call say,PROG,$@)
	@mkdir -p $(@D)
	$(Q)env -u MAKEFLAGS -u MFLAGS rustc --edition 2021 -C opt-level=$* -o $@ $<

# The walker is the agent's own objects; libunwind is opened at run time.
$(UNWIND)/obj/%.o: % $(BUILD)/flags
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -Wvla -Wframe-larger-than%,$(COMMON) $(WARN) $(AGENT)) $(CFLAGS) -c $< -o $@
$(UNWIND)/liboracle.so: $(UNWIND_SRC:%=$(UNWIND)/obj/%.o) $(BUILD)/agent.a
	$(call say,LINK,$@)
	$(Q)$(CC) -shared -o $@ $(filter %.o,$^) $(BUILD)/agent.a -Wl,--exclude-libs,ALL -Wl,--gc-sections \
	    -Wl,-z,now -Wl,-z,defs -Wl,--version-script=test/unwind/oracle.map $(LIBS) -ldl

STORM_SRC := $(call ours,$(wildcard $(addprefix test/unwind/storm/,storm.c flow.cc stacks.c code.c *.S)))
$(UNWIND)/obj/%.cc.o: %.cc
	$(call say,CC,$@)
	@mkdir -p $(@D)
	$(Q)$(CXX) -O2 -g -D_GNU_SOURCE -I. -Wall -Wextra -Werror -MMD -MP -c $< -o $@
$(UNWIND)/storm: $(STORM_SRC:%=$(UNWIND)/obj/%.o) $(BUILD)/agent.a
	$(call say,LINK,$@)
	$(Q)$(CXX) -o $@ $^ -Wl,-z,now -Wl,--gc-sections $(LIBS) -pthread -ldl
$(UNWIND)/libstorm%.so: test/unwind/storm/libstorm.c
	$(call say,PROG,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -O1 -fomit-frame-pointer -shared -fPIC -w -DSHAPE=$* -o $@ $<

UNWIND_TESTS := $(UNWIND)/liboracle.so $(UNWIND)/storm $(UNWIND)/libstorm0.so $(UNWIND)/libstorm1.so $(CORPUS:%=$(UNWIND)/corpus/%) \
                $(addprefix $(UNWIND)/corpus/,rusty-O0 rusty-O3)
-include $(patsubst %,$(UNWIND)/obj/%.d,$(UNWIND_SRC) $(STORM_SRC))
