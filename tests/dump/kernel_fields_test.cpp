// Every field of DUMP_HEADER32 and DUMP_HEADER64, each set alone in a header of filler.  A row's
// mark says where its place comes from: C checked on bytes of real dumps (x64 and ARM64 triage
// dumps), S a public source, I inferred.  docs/accuracy.md is written from these marks.
#include <functional>
#include <string>

#include <gtest/gtest.h>

#include "dump/kernel_samples.h"
#include "synth/kernel_headers.h"

namespace dumptriage::dump {
namespace {

using namespace tests;
using synth::Bytes;

using Value = std::optional<std::uint64_t>;
template <class T> Value of(const std::optional<T>& value) {
  return value ? Value(static_cast<std::uint64_t>(*value)) : Value();
}
// Fields that have no optional are 0 where nobody wrote them.
Value known(std::uint64_t value) { return value == 0 ? Value() : Value(value); }

struct Field {
  const char* name;
  std::size_t offset, size;
  char mark;
  std::function<Value(const KernelHeader&)> get;
  std::uint64_t value = 0; // to be written; 0: a pattern of its own
};
using H = const KernelHeader&;

const Field kHeader32[] = {
    {"MajorVersion", 0x008, 4, 'S', [](H h) { return known(h.major_version); }},
    {"DirectoryTableBase", 0x010, 4, 'S', [](H h) { return known(h.directory_table_base); }},
    {"PfnDataBase", 0x014, 4, 'S', [](H h) { return known(h.pfn_database); }},
    {"PsLoadedModuleList", 0x018, 4, 'S', [](H h) { return known(h.ps_loaded_module_list); }},
    {"PsActiveProcessHead", 0x01C, 4, 'S', [](H h) { return known(h.ps_active_process_head); }},
    {"NumberProcessors", 0x024, 4, 'S', [](H h) { return of(h.processors); }},
    {"BugCheckCode", 0x028, 4, 'S', [](H h) { return known(h.bugcheck_code); }},
    {"BugCheckParameter1", 0x02C, 4, 'S', [](H h) { return known(h.bugcheck_parameters[0]); }},
    {"BugCheckParameter2", 0x030, 4, 'S', [](H h) { return known(h.bugcheck_parameters[1]); }},
    {"BugCheckParameter3", 0x034, 4, 'S', [](H h) { return known(h.bugcheck_parameters[2]); }},
    {"BugCheckParameter4", 0x038, 4, 'S', [](H h) { return known(h.bugcheck_parameters[3]); }},
    {"PaeEnabled", 0x05C, 1, 'S', [](H h) { return of(h.pae_enabled); }, 1},
    {"KdSecondaryVersion", 0x05D, 1, 'S', [](H h) { return of(h.kd_secondary_version); }},
    {"KdDebuggerDataBlock", 0x060, 4, 'S', [](H h) { return known(h.kd_debugger_data_block); }},
    {"NumberOfPages", 0x068, 4, 'S', [](H h) { return of(h.physical_pages); }},
    {"ExceptionCode", 0x7D0, 4, 'S', [](H h) { return known(h.exception.code); }},
    {"Attributes", 0x8A0, 4, 'S', [](H h) { return of(h.attributes); }},
    {"BootId", 0x8A4, 4, 'S', [](H h) { return of(h.boot_id); }},
    {"DumpType", 0xF88, 4, 'S', [](H h) { return of(h.dump_type); }, 1},
    {"MiniDumpFields", 0xF8C, 4, 'S', [](H h) { return of(h.mini_dump_fields); }},
    {"SecondaryDataState", 0xF90, 4, 'S', [](H h) { return of(h.secondary_data_state); }},
    {"ProductType", 0xF94, 4, 'S', [](H h) { return of(h.product_type); }, 2},
    {"SuiteMask", 0xF98, 4, 'S', [](H h) { return of(h.suite_mask); }},
    {"WriterStatus", 0xF9C, 4, 'S', [](H h) { return of(h.writer_status); }},
    {"RequiredDumpSpace", 0xFA0, 8, 'S', [](H h) { return of(h.required_dump_space); }},
    {"SystemUpTime", 0xFB8, 8, 'S', [](H h) { return of(h.system_up_time); }},
    {"SystemTime", 0xFC0, 8, 'S', [](H h) { return of(h.system_time); }},
};

const Field kHeader64[] = {
    {"MajorVersion", 0x0008, 4, 'C', [](H h) { return known(h.major_version); }},
    {"DirectoryTableBase", 0x0010, 8, 'C', [](H h) { return known(h.directory_table_base); }},
    {"PfnDataBase", 0x0018, 8, 'C', [](H h) { return known(h.pfn_database); }},
    {"PsLoadedModuleList", 0x0020, 8, 'C', [](H h) { return known(h.ps_loaded_module_list); }},
    {"PsActiveProcessHead", 0x0028, 8, 'C', [](H h) { return known(h.ps_active_process_head); }},
    {"NumberProcessors", 0x0034, 4, 'C', [](H h) { return of(h.processors); }},
    {"BugCheckCode", 0x0038, 4, 'C', [](H h) { return known(h.bugcheck_code); }},
    {"BugCheckParameter1", 0x0040, 8, 'C', [](H h) { return known(h.bugcheck_parameters[0]); }},
    {"BugCheckParameter2", 0x0048, 8, 'C', [](H h) { return known(h.bugcheck_parameters[1]); }},
    {"BugCheckParameter3", 0x0050, 8, 'C', [](H h) { return known(h.bugcheck_parameters[2]); }},
    {"BugCheckParameter4", 0x0058, 8, 'C', [](H h) { return known(h.bugcheck_parameters[3]); }},
    {"KdDebuggerDataBlock", 0x0080, 8, 'C', [](H h) { return known(h.kd_debugger_data_block); }},
    {"NumberOfPages", 0x0090, 8, 'C', [](H h) { return of(h.physical_pages); }},
    {"ExceptionCode", 0x0F00, 4, 'C', [](H h) { return known(h.exception.code); }},
    {"DumpType", 0x0F98, 4, 'C', [](H h) { return of(h.dump_type); }, 1},
    {"RequiredDumpSpace", 0x0FA0, 8, 'C', [](H h) { return of(h.required_dump_space); }},
    {"SystemTime", 0x0FA8, 8, 'C', [](H h) { return of(h.system_time); }},
    {"SystemUpTime", 0x1030, 8, 'C', [](H h) { return of(h.system_up_time); }},
    {"MiniDumpFields", 0x1038, 4, 'C', [](H h) { return of(h.mini_dump_fields); }},
    {"SecondaryDataState", 0x103C, 4, 'C', [](H h) { return of(h.secondary_data_state); }},
    {"ProductType", 0x1040, 4, 'C', [](H h) { return of(h.product_type); }, 3},
    {"SuiteMask", 0x1044, 4, 'C', [](H h) { return of(h.suite_mask); }},
    {"WriterStatus", 0x1048, 4, 'C', [](H h) { return of(h.writer_status); }},
    {"KdSecondaryVersion", 0x104D, 1, 'C', [](H h) { return of(h.kd_secondary_version); }},
    {"Attributes", 0x1050, 4, 'C', [](H h) { return of(h.attributes); }},
    {"BootId", 0x1054, 4, 'C', [](H h) { return of(h.boot_id); }},
};

KernelHeader header_of(const Bytes& bytes) {
  auto dump = open_bytes(bytes);
  EXPECT_TRUE(dump);
  return dump ? dump->kernel->header : KernelHeader();
}

// MajorVersion is written by every header builder.
Bytes blank(bool wide, std::uint32_t build) {
  Bytes bytes = wide ? synth::header64(build) : synth::header32(build);
  synth::put_text(bytes, 8, "PAGE");
  return bytes;
}

template <std::size_t N> void each_field_alone(const Field (&fields)[N], bool wide) {
  constexpr std::uint32_t kBuild = 19041; // late enough for every field
  for (const Field& field : fields) {
    EXPECT_EQ(field.get(header_of(blank(wide, kBuild))), Value()) << field.name << ": the filler";
    std::uint64_t value = field.value ? field.value : 0x1122334455667788 >> (64 - 8 * field.size);
    Bytes bytes = blank(wide, kBuild);
    synth::put(bytes, field.offset, value, field.size);
    KernelHeader header = header_of(bytes);
    EXPECT_EQ(field.get(header), Value(value)) << field.name << " [" << field.mark << "]";
    for (const Field& other : fields)
      if (&other != &field)
        EXPECT_EQ(other.get(header), Value()) << other.name << " by " << field.name;
  }
}

TEST(KernelFields, EveryFieldOfA32BitHeader) { each_field_alone(kHeader32, false); }
TEST(KernelFields, EveryFieldOfA64BitHeader) { each_field_alone(kHeader64, true); }

TEST(KernelFields, TextsContextAndExceptionRecord) {
  for (bool wide : {false, true}) {
    Bytes bytes = blank(wide, 7601);
    EXPECT_EQ(header_of(bytes).version_user, "");
    EXPECT_EQ(header_of(bytes).comment, "");
    EXPECT_TRUE(header_of(bytes).context.empty());
    EXPECT_EQ(header_of(bytes).machine_image_type, wide ? 0x8664u : 0x14Cu);
    EXPECT_EQ(header_of(bytes).build, 7601u);
    EXPECT_EQ(header_of(bytes).is64, wide);
    synth::put_text(bytes, wide ? 0x60 : 0x3C, std::string_view("lab\0", 4)); // [S] / [C]
    synth::put_text(bytes, wide ? 0xFB0 : 0x820, std::string_view("why\0", 4));
    synth::put32(bytes, wide ? 0x348 : 0x320, 0x1234);
    const std::size_t record = wide ? 0xF00 : 0x7D0, width = wide ? 8 : 4;
    synth::put32(bytes, record, 0xC0000005);
    synth::put32(bytes, record + 4, 1); // flags
    synth::put(bytes, record + 8, 0x80100000, width);
    synth::put(bytes, record + 8 + width, 0x80200000, width);
    synth::put32(bytes, record + 8 + 2 * width, 2); // parameters
    const std::size_t parameters = record + (wide ? 0x20 : 0x14);
    synth::put(bytes, parameters, 1, width);
    synth::put(bytes, parameters + width, 0x80300000, width);
    KernelHeader header = header_of(bytes);
    EXPECT_EQ(header.version_user, "lab");
    EXPECT_EQ(header.comment, "why");
    EXPECT_EQ(header.context.u32(0), 0x1234u);
    EXPECT_EQ(header.exception.code, 0xC0000005u);
    EXPECT_EQ(header.exception.flags, 1u);
    EXPECT_EQ(header.exception.record, 0x80100000u);
    EXPECT_EQ(header.exception.address, 0x80200000u);
    EXPECT_EQ(header.exception.parameters, (std::vector<std::uint64_t>{1, 0x80300000}));
  }
}

TEST(KernelFields, PhysicalMemoryBlock) {
  for (bool wide : {false, true}) { // 32 [S], 64 [C]
    Bytes bytes = blank(wide, 7601);
    EXPECT_TRUE(header_of(bytes).physical_runs.empty());
    const std::uint32_t most = wide ? 0x2B : 0x56;
    synth::Runs runs;
    for (std::uint32_t i = 0; i < most; ++i) runs.push_back({0x100 * i, i + 1});
    synth::set_runs(bytes, runs);
    KernelHeader header = header_of(bytes);
    ASSERT_EQ(header.physical_runs.size(), most);
    EXPECT_EQ(header.physical_runs.back().base_page, 0x100u * (most - 1));
    EXPECT_EQ(header.physical_runs.back().page_count, most);
    EXPECT_EQ(header.physical_pages, most * (most + 1) / 2);
    EXPECT_EQ(header.physical_trouble, "");
  }
}

// How much of ContextRecord belongs to the CPU: the sizes of CONTEXT in public headers.
TEST(KernelFields, ContextByCpu) {
  struct Case {
    std::uint32_t machine, build;
    bool wide;
    std::size_t size;
    char mark;
  };
  for (Case one : {Case{synth::kMachineX86, 1381, false, 0xCC, 'S'},
                   Case{synth::kMachineX86, 2195, false, 0x2CC, 'S'},
                   Case{synth::kMachineAlpha, 1381, false, 0x230, 'S'},
                   Case{synth::kMachineX64, 3790, true, 0x4D0, 'C'},
                   Case{synth::kMachineArm64, 22000, true, 0x390, 'C'},
                   Case{synth::kMachineIa64, 3790, true, 0xA70, 'S'}}) {
    Bytes bytes = one.wide ? synth::header64(one.build, one.machine)
                           : synth::header32(one.build, one.machine);
    synth::put32(bytes, one.wide ? 0x348 : 0x320, 1);
    EXPECT_EQ(header_of(bytes).context.size(), one.size) << one.machine << " [" << one.mark << "]";
  }
}

// NT 4 ends its header at 0x820 [S]: whatever stands where later systems have fields is not theirs.
TEST(KernelFields, Nt4HasNothingOfLaterSystems) {
  Bytes bytes = blank(false, 1381);
  for (const Field& field : kHeader32)
    if (field.offset >= 0x820 || (field.offset >= 0x5C && field.offset < 0x64))
      synth::put(bytes, field.offset, field.value ? field.value : 0x11, field.size);
  KernelHeader header = header_of(bytes);
  for (const Field& field : kHeader32)
    if (field.offset >= 0x820 || (field.offset >= 0x5C && field.offset < 0x64))
      EXPECT_EQ(field.get(header), Value()) << field.name;
}

// Windows 2000 writes DumpType, RequiredDumpSpace and SystemTime, but not what XP added [S].
TEST(KernelFields, Windows2000LeavesTheFillerInWhatXpAdded) {
  Bytes bytes = blank(false, 2195);
  synth::put32(bytes, 0xF88, 1);
  synth::put64(bytes, 0xFA0, 0x2000);
  synth::put64(bytes, 0xFC0, 0x01C5000000000000);
  KernelHeader header = header_of(bytes);
  EXPECT_EQ(header.dump_type, 1u);
  EXPECT_EQ(header.required_dump_space, 0x2000u);
  EXPECT_EQ(header.system_time, 0x01C5000000000000u);
  EXPECT_EQ(header.pae_enabled, std::nullopt);
  EXPECT_EQ(header.product_type, std::nullopt);
  EXPECT_EQ(header.suite_mask, std::nullopt);
  EXPECT_EQ(header.system_up_time, std::nullopt);
  EXPECT_EQ(header.secondary_data_state, std::nullopt);
  // Attributes of builds before Vista are not fields yet: zeros there are no attributes.
  synth::put32(bytes, 0x8A0, 0);
  EXPECT_EQ(header_of(bytes).attributes, std::nullopt);
}

// 'P' is neither PAE nor not, and no other value but 0 and 1 says anything.
TEST(KernelFields, PaeEnabledIsOneOrZeroOrNothing) {
  Bytes bytes = blank(false, 2600);
  synth::put8(bytes, 0x5C, 0);
  EXPECT_EQ(header_of(bytes).pae_enabled, false);
  synth::put8(bytes, 0x5C, 2);
  EXPECT_EQ(header_of(bytes).pae_enabled, std::nullopt);
}

TEST(KernelFields, ACpuIsKnownByItsContextWhereTheHeaderDoesNotSay) {
  Bytes bytes = synth::header32(1381);
  synth::put_text(bytes, 0x20, "PAGE");
  EXPECT_EQ(open_bytes(bytes)->machine, arch::Machine::unknown);
  synth::put32(bytes, 0x320 + 0x21C, 0x00020007); // flags of an Alpha CONTEXT [S]
  auto dump = open_bytes(bytes);
  EXPECT_EQ(dump->machine, arch::Machine::alpha);
  EXPECT_EQ(dump->kernel->header.machine_image_type, 0u);
  synth::put_text(bytes, 0x320 + 0x21C, "PAGE");
  synth::put32(bytes, 0x320, 0x00010007); // of an x86 CONTEXT
  EXPECT_EQ(open_bytes(bytes)->machine, arch::Machine::x86);
  synth::put32(bytes, 0x320 + 0x21C, 0x00020007); // both: neither
  EXPECT_EQ(open_bytes(bytes)->machine, arch::Machine::unknown);
}

} // namespace
} // namespace dumptriage::dump
