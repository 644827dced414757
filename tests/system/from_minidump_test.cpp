// A snapshot from minidumps laid down byte by byte.
#include <algorithm>

#include <gtest/gtest.h>

#include "synth/minidump_writer.h"
#include "system/sources.h"

namespace dumptriage::system {
namespace {

using namespace synth;

struct Taken {
  Bytes bytes;
  dump::Dump dump;
  Snapshot snapshot;
  explicit Taken(Bytes b) : bytes(std::move(b)) {
    auto parts = dump::read_minidump(ByteView(bytes.data(), bytes.size()), dump.notes);
    EXPECT_TRUE(parts);
    if (!parts) return;
    dump.machine = parts->machine;
    dump.minidump = std::move(parts->minidump);
    dump.memory = parts->memory;
    snapshot = take_snapshot(dump);
  }
  bool says(std::string_view text) const {
    return std::any_of(snapshot.notes.begin(), snapshot.notes.end(), [&](const Note& note) {
      return note.message.find(text) != std::string::npos;
    });
  }
};

constexpr int kRip = 16, kRsp = 4, kRax = 0; // x64.cpp's numbers

std::array<std::uint64_t, 16> with_rsp(std::uint64_t rsp) {
  std::array<std::uint64_t, 16> registers{};
  registers[4] = rsp;
  return registers;
}

Bytes misc(std::uint32_t pid, std::uint32_t created) {
  Bytes out(0x18);
  put32(out, 0, 0x18);
  put32(out, 4, 3);
  put32(out, 8, pid);
  put32(out, 12, created);
  return out;
}

MinidumpWriter windows_crash(const MdSystem& system = {}) {
  MinidumpWriter w(0x45D35F73);
  w.system(system);
  w.stream(15, misc(4711, 0x45D35F00));
  w.modules({{.base = 0x7FFE0000, .name = "C:\\Windows\\ntdll.dll"},
             {.base = 0x400000, .name = "C:\\app\\Main.EXE"}});
  w.threads({{.id = 10,
              .stack_address = 0x10000,
              .stack = Bytes(0x100, 1),
              .context = context_x64(0x401000, with_rsp(0x10010))},
             {.id = 20,
              .stack_address = 0x20000,
              .stack = Bytes(0x100, 2),
              .context = context_x64(0x7FFE1000, with_rsp(0x20020))}});
  return w;
}

TEST(FromMinidump, ACrashOnWindows) {
  MinidumpWriter w = windows_crash();
  w.exception({.thread_id = 20,
               .address = 0x402000,
               .parameters = {0, 8},
               .context = context_x64(0x402000, with_rsp(0x20080))});
  Taken t(w.finish());
  const Snapshot& s = t.snapshot;
  EXPECT_FALSE(s.kernel);
  EXPECT_EQ(s.machine, arch::Machine::x64);
  EXPECT_EQ(s.os.family, "win7");
  EXPECT_EQ(s.os.name, "Windows 7 Service Pack 1 (build 7601), x64");
  EXPECT_EQ(s.os.service_pack, 1u);
  EXPECT_TRUE(s.os.service_pack_proved);
  EXPECT_EQ(s.os.edition, "workstation");
  EXPECT_EQ(s.os.processors, 2u);
  EXPECT_EQ(s.crash_time, "2007-02-14T19:13:55Z");
  EXPECT_EQ(s.uptime_seconds, 0x73u);
  ASSERT_EQ(s.processes.size(), 1u);
  EXPECT_EQ(s.processes[0].id, 4711u);
  EXPECT_EQ(s.processes[0].name, "Main.EXE");
  EXPECT_EQ(s.modules.size(), 2u);
  EXPECT_TRUE(s.modules_complete);

  EXPECT_EQ(s.stop.kind, StopKind::exception);
  EXPECT_EQ(s.stop.code, 0xC0000005u);
  EXPECT_EQ(s.stop.parameters, (std::vector<std::uint64_t>{0, 8}));
  ASSERT_TRUE(s.stop.fault_context);
  EXPECT_EQ(s.stop.fault_context->get(kRip), 0x402000u);

  ASSERT_EQ(s.threads.size(), 2u);
  EXPECT_EQ(s.threads[0].id, "20") << "the crashed thread comes first";
  EXPECT_TRUE(s.threads[0].crashed);
  EXPECT_EQ(s.threads[0].context_from, "exception stream");
  EXPECT_EQ(s.threads[0].context->get(kRip), 0x402000u);
  EXPECT_EQ(s.threads[0].stack_low, 0x20000u);
  EXPECT_EQ(s.threads[0].stack_high, 0x20100u);
  EXPECT_FALSE(s.threads[1].crashed);
  EXPECT_EQ(s.threads[1].context_from, "thread list");
  EXPECT_EQ(s.threads[1].context->get(kRsp), 0x10010u);
  EXPECT_EQ(s.threads[1].context->get(kRax), 0u);
  EXPECT_TRUE(s.notes.empty());
}

TEST(FromMinidump, WithoutAnExceptionNothingCrashedAndTheAskingThreadIsFirst) {
  MinidumpWriter w = windows_crash();
  Bytes info;
  put32(info, 0, 3);
  put32(info, 4, 10);
  put32(info, 8, 20);
  w.stream(0x47670001, info);
  Taken t(w.finish());
  EXPECT_EQ(t.snapshot.stop.kind, StopKind::none);
  ASSERT_EQ(t.snapshot.threads.size(), 2u);
  EXPECT_EQ(t.snapshot.threads[0].id, "20");
  EXPECT_FALSE(t.snapshot.threads[0].crashed);
  EXPECT_EQ(t.snapshot.threads[0].context_from, "thread list");
}

TEST(FromMinidump, ExceptionsThatMeanNoCrash) {
  auto kind = [](std::uint32_t platform, std::uint32_t code) {
    MinidumpWriter w = windows_crash({.platform = platform});
    w.exception({.thread_id = 20, .code = code});
    return Taken(w.finish()).snapshot.stop.kind;
  };
  EXPECT_EQ(kind(0x8201, 0xFFFFFFFF), StopKind::none); // Breakpad: dump requested
  EXPECT_EQ(kind(0x8201, 0), StopKind::none);
  EXPECT_EQ(kind(0x8201, 11), StopKind::exception);
  EXPECT_EQ(kind(2, 0x0517A7ED), StopKind::none); // Crashpad: simulated
  EXPECT_EQ(kind(2, 0xFFFFFFFF), StopKind::exception);
  EXPECT_EQ(kind(0x8101, 0x43507378), StopKind::none);
  EXPECT_EQ(kind(2, 0xCFFFFFFF), StopKind::hang);
}

TEST(FromMinidump, AnExceptionOfAThreadThatIsNotListed) {
  MinidumpWriter w = windows_crash();
  w.exception({.thread_id = 99, .context = context_x64(0x402000, with_rsp(0x20080))});
  Taken t(w.finish());
  ASSERT_EQ(t.snapshot.threads.size(), 3u);
  EXPECT_EQ(t.snapshot.threads[0].id, "99");
  EXPECT_TRUE(t.snapshot.threads[0].crashed);
  EXPECT_EQ(t.snapshot.threads[0].stack_high, 0x20100u) << "the captured memory around rsp";
  EXPECT_TRUE(t.says("its thread 99 is not in the thread list"));
}

TEST(FromMinidump, ABrokenExceptionContextFallsBackToTheThreadList) {
  MinidumpWriter w = windows_crash();
  w.exception({.thread_id = 20, .context = Bytes(8)});
  Taken t(w.finish());
  EXPECT_FALSE(t.snapshot.stop.fault_context);
  EXPECT_EQ(t.snapshot.threads[0].context_from, "thread list");
  EXPECT_FALSE(t.snapshot.notes.empty());
}

TEST(FromMinidump, StackBoundsOfTheTebAreWiderThanTheSlice) {
  MinidumpWriter w;
  w.system({});
  Bytes teb;
  put64(teb, 8, 0x21000);  // StackBase
  put64(teb, 16, 0x1E000); // StackLimit
  w.memory({{0x7FFD0000, teb}});
  w.threads({{.id = 1,
              .teb = 0x7FFD0000,
              .stack_address = 0x20000,
              .stack = Bytes(0x100),
              .context = context_x64(0x401000, with_rsp(0x20010))}});
  Taken t(w.finish());
  EXPECT_EQ(t.snapshot.threads[0].stack_low, 0x1E000u);
  EXPECT_EQ(t.snapshot.threads[0].stack_high, 0x21000u);
}

TEST(FromMinidump, ServicePacksOfOldWindowsComeFromTheText) {
  auto os = [](std::optional<std::string> csd) {
    MinidumpWriter w;
    w.system(
        {.processor = 0, .product_type = 3, .major = 5, .minor = 2, .build = 3790, .csd = csd});
    return Taken(w.finish()).snapshot.os;
  };
  Os sp2 = os("Service Pack 2");
  EXPECT_EQ(sp2.family, "ws2003");
  EXPECT_EQ(sp2.service_pack, 2u);
  EXPECT_EQ(sp2.service_pack_from, "SystemInfo stream, CSDVersion");
  EXPECT_EQ(os("").service_pack, 0u);
  EXPECT_FALSE(os(std::nullopt).service_pack) << "no text is not the same as an empty one";
  EXPECT_FALSE(os("Custom").service_pack);
}

TEST(FromMinidump, LinuxTakesItsVersionAndProcessFromTexts) {
  MinidumpWriter w;
  w.system({.product_type = 0,
            .major = 0,
            .minor = 0,
            .build = 0,
            .platform = 0x8201,
            .csd = "Linux 3.13.0-53-generic #89-Ubuntu SMP x86_64"});
  Bytes status;
  put_text(status, 0, "Name:\tapp\nState:\tR\nPid:\t77\nPPid:\t1\n");
  w.stream(0x47670004, status);
  w.modules({{.base = 0x400000, .name = "/opt/app"}});
  Taken t(w.finish());
  EXPECT_EQ(t.snapshot.os.family, "linux");
  EXPECT_EQ(t.snapshot.os.name, "Linux 3.13.0, x64");
  EXPECT_FALSE(t.snapshot.os.service_pack);
  ASSERT_EQ(t.snapshot.processes.size(), 1u);
  EXPECT_EQ(t.snapshot.processes[0].id, 77u);
  EXPECT_EQ(t.snapshot.processes[0].name, "app");
}

TEST(FromMinidump, MacContextsThatClaimNoGroupHoldRegistersAllTheSame) {
  auto context_of = [](std::uint32_t platform) {
    Bytes context = context_x64(0x100001000, with_rsp(0x7000));
    put32(context, 0x30, 0x100000);
    MinidumpWriter w;
    w.system({.platform = platform});
    w.threads({{.id = 1, .context = context}});
    return Taken(w.finish()).snapshot.threads.at(0).context;
  };
  ASSERT_TRUE(context_of(0x8101));
  EXPECT_EQ(context_of(0x8101)->get(kRip), 0x100001000u);
  EXPECT_EQ(context_of(0x8101)->get(kRsp), 0x7000u);
  auto windows = context_of(2);
  EXPECT_FALSE(windows && windows->get(kRip)) << "on Windows the flags are meant";
}

TEST(FromMinidump, A32BitProcessDoesNotMakeA32BitSystem) {
  auto family = [](int product) {
    MinidumpWriter w;
    w.system({.processor = 0,
              .product_type = static_cast<std::uint8_t>(product),
              .major = 5,
              .minor = 2,
              .build = 3790});
    return Taken(w.finish()).snapshot.os.family;
  };
  EXPECT_EQ(family(1), "xp64");
  EXPECT_EQ(family(3), "ws2003");
  EXPECT_EQ(family(0), "");
}

TEST(FromMinidump, BreakpadsOldArm64Contexts) {
  MinidumpWriter w;
  w.system({.processor = 0x8003, .platform = 0x8203});
  Bytes context(0x31C);
  for (std::size_t i = 0; i < 33; ++i) put64(context, 8 + 8 * i, 0x1000 + i);
  w.threads({{.id = 1, .context = context}});
  Taken t(w.finish());
  ASSERT_EQ(t.snapshot.threads.size(), 1u);
  ASSERT_TRUE(t.snapshot.threads[0].context);
  const arch::Arch* arm64 = arch::find(arch::Machine::arm64);
  ASSERT_NE(arm64, nullptr);
  EXPECT_EQ(t.snapshot.threads[0].context->get(arm64->sp), 0x1000u + 31);
  EXPECT_EQ(t.snapshot.threads[0].context->get(arm64->pc), 0x1000u + 32);
  EXPECT_EQ(t.snapshot.threads[0].context->get(arm64->fp), 0x1000u + 29);
}

TEST(FromMinidump, ACpuWithoutRegistersIsSaidOnce) {
  MinidumpWriter w;
  w.system({.processor = 5});
  w.threads({{.id = 1, .context = Bytes(0x1A0)}, {.id = 2, .context = Bytes(0x1A0)}});
  Taken t(w.finish());
  EXPECT_FALSE(t.snapshot.threads[0].context);
  EXPECT_EQ(std::count_if(t.snapshot.notes.begin(), t.snapshot.notes.end(),
                          [](const Note& n) { return n.code == Code::unsupported; }),
            1);
}

TEST(FromMinidump, StreamsThatAreNotThereAreNamed) {
  MinidumpWriter w;
  w.stream(10, {'x'});
  Taken t(w.finish());
  EXPECT_TRUE(t.says("no stream about its operating system"));
  EXPECT_TRUE(t.says("no stream about its threads"));
  EXPECT_TRUE(t.says("no stream about its modules"));
  EXPECT_FALSE(t.snapshot.modules_complete);
  EXPECT_EQ(t.snapshot.os.family, "");
  EXPECT_EQ(t.snapshot.stop.kind, StopKind::none);
}

} // namespace
} // namespace dumptriage::system
