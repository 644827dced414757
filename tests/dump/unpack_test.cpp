#include "dump/unpack.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "dump/archives.h"
#include "dump/dump.h"
#include "synth/minidump_writer.h"

namespace dumptriage::dump {
namespace {

using namespace tests;
using synth::Bytes;

struct Taken {
  std::vector<std::shared_ptr<const MappedFile>> files;
  std::vector<Error> errors; // of entries
  std::optional<Error> nothing;
};

Taken unpack(const Bytes& bytes, const std::string& name, const UnpackOptions& options = {}) {
  Taken taken;
  auto archive = MappedFile::borrow(ByteView(bytes.data(), bytes.size()), name);
  taken.nothing = unpack_dumps(*archive, options, [&](auto unpacked) {
    if (unpacked)
      taken.files.push_back(*unpacked);
    else
      taken.errors.push_back(unpacked.error());
    return true;
  });
  return taken;
}

Bytes bytes_of(const MappedFile& file) {
  auto* data = reinterpret_cast<const std::uint8_t*>(file.bytes().data());
  return {data, data + file.bytes().size()};
}

Bytes small_dump(std::uint32_t time = 0x45D35F73) {
  synth::MinidumpWriter w(time, 4);
  w.system({});
  return w.finish();
}
// Larger than what is looked at before the rest is unpacked, and than one block of any format.
Bytes large_dump() {
  Bytes bytes = small_dump();
  std::uint32_t random = 1;
  while (bytes.size() < 300000) {
    random = random * 1664525 + 1013904223;
    bytes.push_back(static_cast<std::uint8_t>(random >> 24));
  }
  bytes.resize(400000); // zeros
  bytes.push_back(1);
  return bytes;
}
Bytes text(std::string_view words) { return {words.begin(), words.end()}; }

TEST(Unpack, EveryContainerGivesTheBytes) {
  for (Container container : kContainers) {
    for (const Bytes& dump : {small_dump(), large_dump()}) {
      Bytes packed = pack(container, {{"sub/MEMORY.DMP", dump}});
      EXPECT_TRUE(is_archive(ByteView(packed.data(), packed.size())));
      Taken taken = unpack(packed, "dir/a.gz");
      ASSERT_EQ(taken.files.size(), 1u)
          << static_cast<int>(container) << (taken.nothing ? taken.nothing->message() : "");
      EXPECT_FALSE(taken.nothing);
      EXPECT_TRUE(taken.errors.empty());
      EXPECT_EQ(bytes_of(*taken.files[0]), dump);
      EXPECT_EQ(taken.files[0]->path(),
                holds_many(container) ? "dir/a.gz!sub/MEMORY.DMP" : "dir/a.gz!a");
      EXPECT_EQ(taken.files[0]->file_path(), "dir/a.gz");
      EXPECT_TRUE(taken.files[0]->notes().empty());
    }
  }
}

TEST(Unpack, AllDumpsInOrderAndNothingElse) {
  Bytes one = small_dump(1), two = large_dump();
  for (Container container : kContainers) {
    if (!holds_many(container)) continue;
    Taken taken = unpack(
        pack(container,
             {{"a.txt", text("words")}, {"b.dmp", two}, {"c.bin", Bytes(200000, 7)}, {"d", one}}),
        "x");
    ASSERT_EQ(taken.files.size(), 2u) << static_cast<int>(container);
    EXPECT_EQ(taken.files[0]->path(), "x!b.dmp");
    EXPECT_EQ(bytes_of(*taken.files[0]), two);
    EXPECT_EQ(taken.files[1]->path(), "x!d");
    EXPECT_EQ(bytes_of(*taken.files[1]), one);
  }
}

TEST(Unpack, NoMoreThanWanted) {
  Bytes packed = pack(Container::zip, {{"a.dmp", small_dump()}, {"b.dmp", small_dump()}});
  auto archive = MappedFile::borrow(ByteView(packed.data(), packed.size()), "x");
  int count = 0;
  EXPECT_FALSE(unpack_dumps(*archive, {}, [&](const auto&) { return ++count < 1; }));
  EXPECT_EQ(count, 1);
}

TEST(Unpack, AnArchiveWithoutDumpsSaysWhatItHolds) {
  Bytes packed = pack(Container::zip, {{"a.txt", text("words")}, {"b.bin", Bytes(9, 0)}});
  Taken taken = unpack(packed, "x.zip");
  ASSERT_TRUE(taken.nothing);
  EXPECT_EQ(taken.nothing->code, Code::unsupported);
  EXPECT_EQ(taken.nothing->what, "no dump in it");
  EXPECT_TRUE(taken.nothing->why.starts_with("ZIP archive, ")) << taken.nothing->why;
  EXPECT_TRUE(taken.nothing->why.ends_with(
      ", which holds a.txt (text file), b.bin (file of zero bytes only)"))
      << taken.nothing->why;
  std::vector<Packed> many(12, {"n", text("words")});
  taken = unpack(pack(Container::tar, many), "x.tar");
  EXPECT_TRUE(taken.nothing->why.ends_with("n (text file) and 4 more")) << taken.nothing->why;
  taken = unpack(pack(Container::zip, {}), "x.zip");
  EXPECT_TRUE(taken.nothing->why.ends_with(", without any file")) << taken.nothing->why;
}

TEST(Unpack, NamesOfSingleFiles) {
  const Bytes dump = small_dump();
  EXPECT_EQ(unpack(pack(Container::gz, {{"x", dump}}), "d/MEMORY.DMP.gz").files.at(0)->path(),
            "d/MEMORY.DMP.gz!MEMORY.DMP");
  EXPECT_EQ(unpack(pack(Container::xz, {{"x", dump}}), "A.XZ").files.at(0)->path(), "A.XZ!A");
  EXPECT_EQ(unpack(write_szdd(dump, 'p'), "memory.dm_").files.at(0)->path(),
            "memory.dm_!memory.dmp");
  EXPECT_EQ(unpack(write_szdd(dump, 0), "memory.dm_").files.at(0)->path(), "memory.dm_!memory.dm_");
}

TEST(Unpack, AnArchiveInAnArchiveAndNoDeeper) {
  const Bytes dump = large_dump();
  Bytes inner = pack(Container::gz, {{"x", dump}});
  Bytes middle = pack(Container::zip, {{"MEMORY.DMP.gz", inner}});
  Taken taken = unpack(middle, "a.zip");
  ASSERT_EQ(taken.files.size(), 1u);
  EXPECT_EQ(taken.files[0]->path(), "a.zip!MEMORY.DMP.gz!MEMORY.DMP");
  EXPECT_EQ(taken.files[0]->file_path(), "a.zip");
  EXPECT_EQ(bytes_of(*taken.files[0]), dump);
  taken = unpack(pack(Container::tar, {{"b.zip", middle}}), "c.tar");
  EXPECT_TRUE(taken.files.empty());
  ASSERT_TRUE(taken.nothing);
  EXPECT_TRUE(taken.nothing->why.ends_with("which holds MEMORY.DMP.gz (gzip compressed file)"))
      << taken.nothing->why;
}

TEST(Unpack, EncryptedEntriesAreNamed) {
  Bytes packed = write_archive(Container::zip, {{"MEMORY.DMP", small_dump()}}, "secret");
  Taken taken = unpack(packed, "a.zip");
  ASSERT_EQ(taken.errors.size(), 1u);
  EXPECT_EQ(taken.errors[0].what, "a.zip!MEMORY.DMP");
  EXPECT_EQ(taken.errors[0].why, "is encrypted");
  EXPECT_EQ(taken.errors[0].code, Code::unsupported);
  // What may be anything is no failed dump, but the reason why none was found.
  taken = unpack(write_archive(Container::zip, {{"letter.txt", text("dear")}}, "secret"), "a.zip");
  EXPECT_TRUE(taken.errors.empty());
  ASSERT_TRUE(taken.nothing);
  EXPECT_EQ(taken.nothing->message(), "a.zip!letter.txt: is encrypted");
}

TEST(Unpack, NamesAreWordsOnly) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::string folder =
      (std::filesystem::temp_directory_path() / ("dumptriage-names-" + std::to_string(::getpid())))
          .string();
  std::filesystem::create_directories(folder);
  std::filesystem::current_path(folder);
  std::string absolute = folder + "/evil.dmp";
  Bytes packed = pack(Container::zip, {{"../evil.dmp", small_dump()},
                                       {absolute, small_dump()},
                                       {"a\nb\x1b[31m.dmp", small_dump()},
                                       {std::string(5000, 'x'), small_dump()}});
  Taken taken = unpack(packed, "a.zip");
  ASSERT_EQ(taken.files.size(), 4u);
  EXPECT_EQ(taken.files[0]->path(), "a.zip!../evil.dmp");
  EXPECT_EQ(taken.files[2]->path(), "a.zip!a b\uFFFD[31m.dmp");
  EXPECT_LE(taken.files[3]->path().size(), 600u);
  EXPECT_TRUE(std::filesystem::is_empty(folder));
  EXPECT_FALSE(std::filesystem::exists("../evil.dmp"));
  std::filesystem::current_path(before);
  std::filesystem::remove_all(folder);
}

TEST(Unpack, BombsAreStopped) {
  UnpackOptions options;
  options.free_bytes = 1 << 20;
  options.ratio = 100;
  for (Container container : {Container::xz, Container::zip, Container::tar_gz}) {
    Bytes packed = write_archive(container, {{"MEMORY.DMP", small_dump()}}, nullptr, 64 << 20);
    Taken taken = unpack(packed, "MEMORY.DMP.xz", options);
    EXPECT_TRUE(taken.files.empty());
    ASSERT_EQ(taken.errors.size(), 1u) << static_cast<int>(container);
    EXPECT_EQ(taken.errors[0].code, Code::limit);
    EXPECT_EQ(taken.errors[0].why,
              "the archive unpacks to more than 100 times its size; unpacking was stopped");
  }
  // What nobody wants counts too, where passing over it means unpacking it.
  std::vector<Packed> items = {{"zeros", Bytes(4 << 20)}, {"MEMORY.DMP", small_dump()}};
  Taken taken = unpack(write_archive(Container::tar_gz, items), "a.tgz", options);
  EXPECT_TRUE(taken.files.empty());
  // The entries of one archive share the limit.
  std::vector<Packed> many;
  for (int i = 0; i < 40; ++i) {
    many.push_back({"MEMORY" + std::to_string(i) + ".DMP", small_dump()});
    many.back().bytes.resize(100000);
  }
  taken = unpack(write_archive(Container::zip, many), "a.zip", options);
  EXPECT_LT(taken.files.size(), 40u);
  EXPECT_EQ(taken.errors.size(), 1u);
}

TEST(Unpack, LimitsOfSizeAndNumber) {
  UnpackOptions options;
  options.most_bytes = 100000;
  Taken taken = unpack(pack(Container::zip, {{"a.dmp", large_dump()}, {"b.dmp", small_dump()}}),
                       "a.zip", options);
  ASSERT_EQ(taken.errors.size(), 1u);
  EXPECT_EQ(taken.errors[0].why, "it unpacks to more than 100000 bytes");
  ASSERT_EQ(taken.files.size(), 1u);
  EXPECT_EQ(taken.files[0]->path(), "a.zip!b.dmp");
  options = {};
  options.most_entries = 2;
  std::vector<Packed> many(3, {"n", text("words")});
  taken = unpack(pack(Container::zip, many), "a.zip", options);
  ASSERT_TRUE(taken.nothing);
  EXPECT_EQ(taken.nothing->why, "more than 2 entries; the rest is not looked at");
}

// A dump of zeros for the most part costs neither memory nor disk.
TEST(Unpack, ZerosAreUnpackedAsHoles) {
  Bytes packed = write_archive(Container::gz, {{"x", small_dump()}}, nullptr, 512ull << 20);
  Taken taken = unpack(packed, "MEMORY.DMP.gz");
  ASSERT_EQ(taken.files.size(), 1u);
  const MappedFile& file = *taken.files[0];
  EXPECT_EQ(file.bytes().size(), small_dump().size() + (512ull << 20));
  EXPECT_EQ(file.bytes().u8(file.bytes().size() - 1), 0);
}

// What came out before the end is used as far as it goes, and it is the truth.
TEST(Unpack, TruncatedAtEveryByte) {
  const Bytes dump = small_dump();
  for (Container container : kContainers) {
    Bytes packed = pack(container, {{"MEMORY.DMP", dump}});
    for (std::size_t size = 0; size < packed.size(); ++size) {
      Taken taken = unpack(Bytes(packed.begin(), packed.begin() + static_cast<long>(size)), "a");
      if (taken.files.empty() && taken.errors.empty()) {
        ASSERT_TRUE(taken.nothing);
        EXPECT_FALSE(taken.nothing->why.empty());
      }
      for (const auto& file : taken.files) {
        Bytes got = bytes_of(*file);
        ASSERT_LE(got.size(), dump.size());
        EXPECT_TRUE(std::equal(got.begin(), got.end(), dump.begin()));
        if (got.size() < dump.size()) EXPECT_EQ(file->notes().size(), 1u) << size;
      }
    }
  }
}

TEST(Unpack, AnArchiveCutInsideOfADumpGivesWhatWasThere) {
  const Bytes dump = large_dump();
  for (Container container : kContainers) {
    if (container == Container::seven_zip || container == Container::bz2) continue;
    Bytes packed = pack(container, {{"MEMORY.DMP", dump}});
    packed.resize(packed.size() / 2);
    Taken taken = unpack(packed, "MEMORY.DMP.gz");
    ASSERT_EQ(taken.files.size(), 1u) << static_cast<int>(container);
    EXPECT_GT(taken.files[0]->bytes().size(), 50000u);
    ASSERT_EQ(taken.files[0]->notes().size(), 1u) << static_cast<int>(container);
    auto opened = open(taken.files[0]);
    ASSERT_TRUE(opened);
    EXPECT_FALSE(opened->complete);
    EXPECT_TRUE(opened->notes.front().message.starts_with("archive: "))
        << opened->notes.front().message;
  }
}

TEST(Unpack, DamagedBytes) {
  const Bytes dump = small_dump();
  for (Container container : kContainers) {
    const Bytes packed = pack(container, {{"MEMORY.DMP", dump}});
    for (std::size_t at = 0; at < packed.size(); ++at) {
      Bytes damaged = packed;
      damaged[at] ^= 0x55;
      Taken taken = unpack(damaged, "MEMORY.DMP.gz");
      if (taken.files.empty() && taken.errors.empty()) EXPECT_TRUE(taken.nothing);
    }
  }
}

TEST(Unpack, OpenSeesThroughAnArchive) {
  std::string path = (std::filesystem::temp_directory_path() /
                      ("dumptriage-open-" + std::to_string(::getpid()) + ".zip"))
                         .string();
  auto write = [&](const Bytes& bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()), static_cast<long>(bytes.size()));
  };
  write(pack(Container::zip, {{"a.txt", text("words")}, {"MEMORY.DMP", small_dump()}}));
  auto dump = open(path);
  ASSERT_TRUE(dump);
  EXPECT_EQ(dump->file->path(), path + "!MEMORY.DMP");
  EXPECT_EQ(dump->format, Format::minidump);
  EXPECT_TRUE(dump->complete);
  Bytes same = small_dump();
  EXPECT_EQ(dump_id(dump->file->bytes()).id, dump_id(ByteView(same.data(), same.size())).id);
  write(pack(Container::zip, {{"1.DMP", small_dump(1)}, {"2.DMP", small_dump(2)}}));
  dump = open(path);
  ASSERT_TRUE(dump);
  EXPECT_EQ(dump->file->path(), path + "!1.DMP");
  ASSERT_FALSE(dump->notes.empty());
  EXPECT_EQ(dump->notes.back().message, "archive: it holds more dumps; this is the first of them");
  write(pack(Container::zip, {{"a.txt", text("words")}}));
  dump = open(path);
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().what, "no dump in it");
  std::filesystem::remove(path);
}

} // namespace
} // namespace dumptriage::dump
