// The smaller streams, one test each; offsets from the published MINIDUMP_* structures.
#include <algorithm>

#include <gtest/gtest.h>

#include "dump/minidump.h"
#include "synth/minidump_writer.h"

namespace dumptriage::dump {
namespace {

using namespace synth;

struct Read {
  Bytes bytes;
  Notes notes;
  Result<MinidumpParts> parts;
  explicit Read(Bytes b)
      : bytes(std::move(b)), parts(read_minidump(ByteView(bytes.data(), bytes.size()), notes)) {}
  const Minidump& dump() const { return *parts->minidump; }
  bool says(std::string_view text) const {
    return std::any_of(notes.begin(), notes.end(), [&](const Note& note) {
      return note.message.find(text) != std::string::npos;
    });
  }
};

Bytes misc_info(std::size_t size) {
  Bytes out(size);
  put32(out, 0x00, size);
  put32(out, 0x04, 0x1F7);
  put32(out, 0x08, 4711);       // process id
  put32(out, 0x0C, 0x45D35000); // create time
  put32(out, 0x10, 12);
  put32(out, 0x14, 3);
  put32(out, 0x18, 2400);
  put32(out, 0x1C, 1200);
  put32(out, 0x2C, 0x3000);
  put32(out, 0x34, 1);
  put32(out, 0x38, 2); // daylight time
  put32(out, 0x3C, static_cast<std::uint32_t>(-60));
  put_utf16(out, 0x40, "W. Europe Standard Time");
  put_utf16(out, 0x3C + 0x58, "W. Europe Daylight Time");
  put32(out, 0x3C + 0xA8, static_cast<std::uint32_t>(-60));
  put_utf16(out, 0xE8, "17134.1.amd64fre.rs4_release");
  put_utf16(out, 0x2F0, "dbgcore.amd64,10.0");
  out.resize(size);
  return out;
}

MiscInfo read_misc(const Bytes& stream) {
  MinidumpWriter w;
  w.system({});
  w.stream(15, stream);
  return Read(w.finish()).dump().misc;
}

TEST(MinidumpStreams, MiscInfoByItsSize) {
  MiscInfo one = read_misc(misc_info(0x18));
  EXPECT_EQ(one.process_id, 4711u);
  EXPECT_EQ(one.create_time, 0x45D35000u);
  EXPECT_EQ(one.user_seconds, 12u);
  EXPECT_EQ(one.kernel_seconds, 3u);
  EXPECT_FALSE(one.max_mhz);

  MiscInfo two = read_misc(misc_info(0x2C));
  EXPECT_EQ(two.max_mhz, 2400u);
  EXPECT_EQ(two.current_mhz, 1200u);
  EXPECT_FALSE(two.integrity_level);

  MiscInfo three = read_misc(misc_info(0xE8));
  EXPECT_EQ(three.integrity_level, 0x3000u);
  EXPECT_EQ(three.protected_process, 1u);
  EXPECT_EQ(three.time_zone_bias, -120);
  EXPECT_EQ(three.time_zone, "W. Europe Daylight Time");
  EXPECT_TRUE(three.build_string.empty());

  for (std::size_t size : {0x340u, 0x554u}) {
    MiscInfo four = read_misc(misc_info(size));
    EXPECT_EQ(four.build_string, "17134.1.amd64fre.rs4_release");
    EXPECT_EQ(four.debug_build_string, "dbgcore.amd64,10.0");
  }
}

TEST(MinidumpStreams, MiscInfoWithALyingSizeIsClampedToTheStream) {
  Bytes stream = misc_info(0x340);
  stream.resize(0x18);
  put32(stream, 0, 0x340);
  MiscInfo misc = read_misc(stream);
  EXPECT_EQ(misc.process_id, 4711u);
  EXPECT_FALSE(misc.max_mhz);
  EXPECT_FALSE(misc.time_zone_bias);
  Bytes no_flags = misc_info(0x18);
  put32(no_flags, 4, 0);
  EXPECT_FALSE(read_misc(no_flags).process_id);
}

TEST(MinidumpStreams, HandlesByTheirOwnStride) {
  MinidumpWriter w;
  std::uint32_t type = w.string("Event"), object = w.string("\\BaseNamedObjects\\ready");
  Bytes out(16 + 2 * 40);
  put32(out, 0, 16);
  put32(out, 4, 40);
  put32(out, 8, 2);
  put64(out, 16, 0x44);
  put32(out, 24, type);
  put32(out, 28, object);
  put32(out, 32, 0x10);
  put32(out, 36, 0x1F0003);
  put32(out, 40, 2);
  put32(out, 44, 3);
  put64(out, 56, 0x48);
  put32(out, 64, 0xFFFFFFF0); // type name outside the file
  w.stream(12, out);
  Read r(w.finish());
  ASSERT_EQ(r.dump().handles.size(), 2u);
  const Handle& handle = r.dump().handles[0];
  EXPECT_EQ(handle.value, 0x44u);
  EXPECT_EQ(handle.type, "Event");
  EXPECT_EQ(handle.object, "\\BaseNamedObjects\\ready");
  EXPECT_EQ(handle.attributes, 0x10u);
  EXPECT_EQ(handle.access, 0x1F0003u);
  EXPECT_EQ(handle.handle_count, 2u);
  EXPECT_EQ(handle.pointer_count, 3u);
  EXPECT_EQ(r.dump().handles[1].value, 0x48u);
  EXPECT_TRUE(r.says("1 names lie outside the file"));
}

TEST(MinidumpStreams, UnloadedModules) {
  MinidumpWriter w;
  Bytes out(12 + 24);
  put32(out, 0, 12);
  put32(out, 4, 24);
  put32(out, 8, 1);
  put64(out, 12, 0x74000000);
  put32(out, 20, 0x9000);
  put32(out, 24, 0xABCD);
  put32(out, 28, 0x4A5BC000);
  put32(out, 32, w.string("gone.dll"));
  w.stream(14, out);
  Read r(w.finish());
  ASSERT_EQ(r.dump().unloaded_modules.size(), 1u);
  const UnloadedModule& module = r.dump().unloaded_modules[0];
  EXPECT_EQ(module.name, "gone.dll");
  EXPECT_EQ(module.base, 0x74000000u);
  EXPECT_EQ(module.size, 0x9000u);
  EXPECT_EQ(module.checksum, 0xABCDu);
  EXPECT_EQ(module.timestamp, 0x4A5BC000u);
}

TEST(MinidumpStreams, MemoryInfo) {
  MinidumpWriter w;
  Bytes out(16 + 48);
  put32(out, 0, 16);
  put32(out, 4, 48);
  put64(out, 8, 1);
  put64(out, 16, 0x10000);
  put64(out, 24, 0x8000);
  put32(out, 32, 0x04);
  put64(out, 40, 0x3000);
  put32(out, 48, 0x1000);
  put32(out, 52, 0x104);
  put32(out, 56, 0x20000);
  w.stream(16, out);
  Read r(w.finish());
  ASSERT_EQ(r.dump().memory_regions.size(), 1u);
  const MemoryRegion& region = r.dump().memory_regions[0];
  EXPECT_EQ(region.base, 0x10000u);
  EXPECT_EQ(region.allocation_base, 0x8000u);
  EXPECT_EQ(region.allocation_protect, 4u);
  EXPECT_EQ(region.size, 0x3000u);
  EXPECT_EQ(region.state, 0x1000u);
  EXPECT_EQ(region.protect, 0x104u);
  EXPECT_EQ(region.type, 0x20000u);
}

TEST(MinidumpStreams, ThreadInfoAndNamesJoinTheThreadsByTheirId) {
  MinidumpWriter w;
  w.system({});
  // Before the thread list in the directory: order must not matter.
  Bytes info(12 + 64);
  put32(info, 0, 12);
  put32(info, 4, 64);
  put32(info, 8, 1);
  put32(info, 12, 42);
  put64(info, 12 + 0x10, 0x01C74F8A00000000);
  put64(info, 12 + 0x20, 111);
  put64(info, 12 + 0x28, 222);
  put64(info, 12 + 0x30, 0x7FF612340000);
  w.stream(17, info);
  Bytes names(4 + 2 * 12);
  put32(names, 0, 2);
  put32(names, 4, 41);
  put64(names, 8, 0x100000000); // outside
  put32(names, 16, 42);
  put64(names, 20, w.string("worker"));
  w.stream(24, names);
  w.threads({{.id = 41}, {.id = 42}});
  Read r(w.finish());
  ASSERT_EQ(r.dump().threads.size(), 2u);
  const Thread& thread = r.dump().threads[1];
  EXPECT_EQ(thread.name, "worker");
  EXPECT_EQ(thread.create_time, 0x01C74F8A00000000u);
  EXPECT_EQ(thread.kernel_time, 111u);
  EXPECT_EQ(thread.user_time, 222u);
  EXPECT_EQ(thread.start_address, 0x7FF612340000u);
  EXPECT_EQ(r.dump().threads[0].start_address, 0u);
  EXPECT_TRUE(r.says("ThreadNames stream: 1 names lie outside the file"));
}

TEST(MinidumpStreams, ThreadExListBringsBackingStores) {
  MinidumpWriter w;
  w.system({.processor = 6});
  Bytes out(4 + 0x40);
  put32(out, 0, 1);
  put32(out, 4, 9);
  put64(out, 4 + 0x18, 0x6FB000000);
  put32(out, 4 + 0x20, 8);
  put32(out, 4 + 0x24, w.blob(Bytes(8, 0x77)));
  put64(out, 4 + 0x30, 0x6FC000000);
  put32(out, 4 + 0x38, 16);
  put32(out, 4 + 0x3C, w.blob(Bytes(16, 0x88)));
  w.stream(8, out);
  Read r(w.finish());
  EXPECT_EQ(r.parts->machine, arch::Machine::ia64);
  ASSERT_EQ(r.dump().threads.size(), 1u);
  EXPECT_EQ(r.dump().threads[0].id, 9u);
  EXPECT_EQ(r.dump().threads[0].backing_store_start, 0x6FC000000u);
  EXPECT_EQ(r.dump().threads[0].backing_store_size, 16u);
  EXPECT_EQ(r.parts->memory->u32(0x6FB000004), 0x77777777u);
  EXPECT_EQ(r.parts->memory->u32(0x6FC00000C), 0x88888888u);
}

// As dbghelp writes it: SizeOfAlignPad of the header is counted but lies nowhere before the first
// descriptor.
Bytes function_tables(std::size_t pad_before) {
  Bytes out(24 + pad_before);
  put32(out, 0, 24);
  put32(out, 4, 32);
  put32(out, 8, 112);
  put32(out, 12, 12);
  put32(out, 16, 2);
  put32(out, 20, 4);
  for (std::uint32_t entries : {1u, 2u}) {
    std::size_t at = out.size();
    put64(out, at, 0x1FCAA00000 + 0x100000 * std::uint64_t{entries});
    put64(out, at + 8, 0x1FCAA02000 + 0x100000 * std::uint64_t{entries});
    put64(out, at + 16, 0x1FCAA00000);
    put32(out, at + 24, entries);
    put32(out, at + 28, 4);
    out.resize(at + 32 + 112, 0xEE);
    for (std::uint32_t i = 0; i < entries; ++i) {
      put32(out, out.size(), 0x1000 * (i + 1));
      put64(out, out.size(), 0);
    }
    out.resize(out.size() + 4);
  }
  return out;
}

TEST(MinidumpStreams, FunctionTables) {
  for (std::size_t pad : {0u, 4u}) {
    MinidumpWriter w;
    w.system({});
    w.stream(13, function_tables(pad));
    Read r(w.finish());
    ASSERT_EQ(r.dump().function_tables.size(), 2u) << pad;
    EXPECT_TRUE(r.notes.empty());
    const FunctionTable& table = r.dump().function_tables[1];
    EXPECT_EQ(table.minimum, 0x1FCAC00000u);
    EXPECT_EQ(table.maximum, 0x1FCAC02000u);
    EXPECT_EQ(table.base, 0x1FCAA00000u);
    EXPECT_EQ(table.entry_size, 12u);
    EXPECT_EQ(table.entries.size(), 24u);
    EXPECT_EQ(table.entries.u32(12), 0x2000u);
  }
}

TEST(MinidumpStreams, Comments) {
  MinidumpWriter w;
  Bytes ansi, wide;
  put_text(ansi, 0, "made by hand");
  put8(ansi, 12, 0);
  put8(ansi, 13, 'x'); // behind the end of the text
  put_utf16(wide, 0, "for a test");
  w.stream(10, ansi);
  w.stream(11, wide);
  EXPECT_EQ(Read(w.finish()).dump().comment, "made by hand\nfor a test");
}

TEST(MinidumpStreams, BreakpadInfoAndAssertion) {
  MinidumpWriter w;
  Bytes info;
  put32(info, 0, 2); // only the requesting thread is valid
  put32(info, 4, 11);
  put32(info, 8, 22);
  w.stream(0x47670001, info);
  Bytes assertion(0x308);
  put_utf16(assertion, 0x000, "count > 0");
  put_utf16(assertion, 0x100, "pop");
  put_utf16(assertion, 0x200, "queue.cpp");
  put32(assertion, 0x300, 77);
  put32(assertion, 0x304, 1);
  w.stream(0x47670002, assertion);
  Read r(w.finish());
  EXPECT_FALSE(r.dump().dump_thread_id);
  EXPECT_EQ(r.dump().requesting_thread_id, 22u);
  EXPECT_EQ(r.dump().assertion, "invalid parameter: count > 0, in pop (queue.cpp:77)");
  MinidumpWriter none;
  none.stream(0x47670002, Bytes(0x308));
  EXPECT_EQ(Read(none.finish()).dump().assertion, "");
}

TEST(MinidumpStreams, LinuxTexts) {
  MinidumpWriter w;
  Bytes command, status;
  put_text(command, 0, std::string_view("/bin/app\0--fast\0", 16));
  put_text(status, 0, "Name:\tapp\nPid:\t77\n");
  w.stream(0x47670006, command);
  w.stream(0x47670004, status);
  Read r(w.finish());
  EXPECT_EQ(r.dump().linux_texts.at("cmdline"), "/bin/app --fast");
  EXPECT_EQ(r.dump().linux_texts.at("procstatus"), "Name:\tapp\nPid:\t77\n");
}

TEST(MinidumpStreams, CrashpadAnnotationsOfTheProcessAndItsModules) {
  MinidumpWriter w;
  Bytes simple;
  put32(simple, 0, 2);
  put32(simple, 4, w.utf8_string("prod"));
  put32(simple, 8, w.utf8_string("App"));
  put32(simple, 12, w.utf8_string("lost"));
  put32(simple, 16, 0xFFFFFFF0);
  Bytes objects;
  put32(objects, 0, 2);
  put32(objects, 4, w.utf8_string("ptype"));
  put16(objects, 8, 1);
  put32(objects, 12, w.utf8_string("renderer"));
  put32(objects, 16, w.utf8_string("number"));
  put16(objects, 20, 2); // no string
  put32(objects, 24, w.utf8_string("1234"));
  Bytes module(0x1C);
  put32(module, 0, 1);
  put32(module, 0x14, objects.size());
  put32(module, 0x18, w.blob(objects));
  Bytes modules;
  put32(modules, 0, 1);
  put32(modules, 4, 0);
  put32(modules, 8, module.size());
  put32(modules, 12, w.blob(module));
  Bytes info(0x34);
  put32(info, 0, 1);
  put32(info, 0x24, simple.size());
  put32(info, 0x28, w.blob(simple));
  put32(info, 0x2C, modules.size());
  put32(info, 0x30, w.blob(modules));
  w.stream(0x43500001, info);
  Read r(w.finish());
  EXPECT_EQ(r.dump().annotations,
            (std::map<std::string, std::string>{{"prod", "App"}, {"ptype", "renderer"}}));
  EXPECT_TRUE(r.says("CrashpadInfo stream: 1 lists or texts lie outside the file"));
}

TEST(MinidumpStreams, StreamsWithoutAReaderAreNamed) {
  MinidumpWriter w;
  w.stream(19, Bytes(8));
  w.stream(22, Bytes(8));
  w.stream(0x8001, Bytes(8));
  w.stream(0x12345678, Bytes(8));
  Read r(w.finish());
  std::vector<std::string> names;
  for (const StreamEntry& entry : r.dump().streams) {
    names.push_back(entry.name);
    EXPECT_FALSE(entry.used);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"Token", "ProcessVmCounters", "WindowsCe8001",
                                             "0x12345678"}));
  EXPECT_TRUE(r.parts->complete);
  EXPECT_FALSE(r.dump().modules_complete);
}

TEST(MinidumpStreams, EveryStreamCutAtEveryByte) {
  for (std::uint32_t type :
       {3u,  4u,  5u,  6u,  7u,  8u,  9u,          10u,         11u,         12u,
        13u, 14u, 15u, 16u, 17u, 24u, 0x47670001u, 0x47670002u, 0x47670006u, 0x43500001u}) {
    for (std::uint32_t size = 0; size < 0x120; ++size) {
      MinidumpWriter w;
      Bytes stream(size, 0x20); // counts and sizes of 0x20202020, RVAs outside
      w.stream(type, stream);
      w.stream(10, {'o', 'k'});
      Read r(w.finish());
      ASSERT_TRUE(r.parts);
      if (type != 10 && type != 11) {
        EXPECT_EQ(r.dump().comment, "ok");
      }
    }
  }
}

} // namespace
} // namespace dumptriage::dump
