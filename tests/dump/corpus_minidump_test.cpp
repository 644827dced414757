// Every minidump of the folder of real dumps against independent answers: the folder's own manifest
// (made by another program), outputs of other dump readers that lie beside the dumps, and LLVM's
// MinidumpFile for the files that it accepts.  Skipped where the folder is missing.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <fmt/format.h>
#include <llvm/Object/Minidump.h>
#include <llvm/Support/ConvertUTF.h>
#include <llvm/Support/MemoryBuffer.h>

#include "base/mapped_file.h"
#include "base/text.h"
#include "dump/minidump.h"

namespace dumptriage::dump {
namespace {

const std::string kCorpus = std::string(DUMPTRIAGE_SHARED_DIR) + "/corpus/";

struct Row {
  std::string path, arch, os, event, answer;
  bool malformed() const {
    return path.starts_with("malformed/") || event.find("BAD:") != std::string::npos;
  }
  bool windows() const { return os.starts_with("winnt"); }
};

std::vector<std::string> split(const std::string& line, char at) {
  std::vector<std::string> parts;
  std::stringstream stream(line);
  for (std::string part; std::getline(stream, part, at);) parts.push_back(part);
  return parts;
}

std::vector<Row> manifest() {
  std::vector<Row> rows;
  std::ifstream in(kCorpus + "MANIFEST.tsv");
  for (std::string line; std::getline(in, line);) {
    auto column = split(line, '\t');
    if (column.size() < 9 || column[3] != "MDMP") continue;
    rows.push_back({column[0], column[4], column[5], column[6],
                    column.size() > 9 ? column[9] : std::string()});
  }
  return rows;
}

std::uint64_t number(const std::string& text) { return std::stoull(text, nullptr, 0); }

std::optional<std::string> field(const std::string& event, const std::string& pattern) {
  std::smatch match;
  if (!std::regex_search(event, match, std::regex(pattern))) return std::nullopt;
  return match[1].str();
}

// What the manifest says of a dump, compared; each difference is one line.
std::vector<std::string> against_manifest(const Row& row, const Minidump& dump) {
  std::vector<std::string> wrong;
  auto check = [&](const std::string& what, std::uint64_t mine, std::uint64_t theirs) {
    if (mine != theirs)
      wrong.push_back(fmt::format("{} {:#x}, manifest {:#x}", what, mine, theirs));
  };
  auto code = field(row.event, "exception (0x[0-9a-f]+)");
  if (code.has_value() != dump.exception.has_value()) wrong.push_back("exception stream");
  if (code && dump.exception) {
    const ExceptionRecord& record = dump.exception->record;
    check("exception code", record.code, number(*code));
    std::uint64_t address = number(*field(row.event, " at (0x[0-9a-f]+)"));
    if (row.arch == "x86" || row.arch == "arm") address &= 0xFFFFFFFF;
    check("crash address", record.address, address);
    auto info = split(field(row.event, " info=([0-9a-fx,]+)").value_or(""), ',');
    check("parameters", record.parameters.size(), info.size());
    for (std::size_t i = 0; i < std::min(info.size(), record.parameters.size()); ++i)
      check(fmt::format("parameter {}", i), record.parameters[i], number(info[i]));
  }
  // Its first ThreadList has one thread; the manifest's program took the second, which lies across
  // other streams.
  if (row.path.ends_with("bad_duplicate_streams.dmp"))
    check("threads", dump.threads.size(), 1);
  else if (auto threads = field(row.event, " threads=([0-9]+)"))
    check("threads", dump.threads.size(), number(*threads));
  else
    check("threads", dump.threads.size(), 0);
  if (auto modules = field(row.event, " modules=([0-9]+)"))
    check("modules", dump.modules.size(), number(*modules));
  else
    check("modules", dump.modules.size(), 0);
  return wrong;
}

// One module as another program saw it.
struct KnownModule {
  std::uint64_t base = 0;
  std::optional<std::uint64_t> size;
  std::optional<std::uint32_t> timestamp;
  std::optional<std::string> version; // empty: that program found none
  std::optional<std::string> debug_key;
  std::string name;
};

std::string unquoted(std::string text) {
  std::erase(text, '"');
  std::erase(text, ',');
  while (!text.empty() && text.front() == ' ') text.erase(0, 1);
  return text;
}

// "key: value" and "key = value" lines; a line with `first_key` starts the next module.
std::vector<KnownModule> known_by_lines(const std::string& path, const std::string& start_after,
                                        const std::string& first_key,
                                        void (*set)(KnownModule&, const std::string& key,
                                                    const std::string& value)) {
  std::vector<KnownModule> modules;
  std::ifstream in(kCorpus + path);
  bool started = start_after.empty();
  for (std::string line; std::getline(in, line);) {
    if (!started) {
      started = line.find(start_after) != std::string::npos;
      continue;
    }
    std::smatch match;
    static const std::regex kPair(R"re(^[\s\-]*"?([\w.() ]*[\w)])"?\s*[:=]\s*(.*)$)re");
    if (!std::regex_match(line, match, kPair)) continue;
    std::string key = match[1], value = unquoted(match[2]);
    if (key == first_key) modules.emplace_back();
    if (!modules.empty()) set(modules.back(), key, value);
  }
  return modules;
}

// "3249d99d-0c40-4931-8610-f4e4fb0b6936-1" and the symbol-server form are the same id.
std::string key_of(std::string id) {
  if (id.size() == 36) id += '0';
  std::erase(id, '-');
  for (char& c : id) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return id;
}

// Breakpad's minidump_dump (and rust-minidump's --dump in the same shape).
std::vector<KnownModule> from_breakpad_dump(const std::string& path) {
  return known_by_lines(path, "MinidumpModuleList", "base_of_image",
                        [](KnownModule& m, const std::string& key, const std::string& value) {
                          if (key == "base_of_image") m.base = number(value);
                          if (key == "size_of_image") m.size = number(value);
                          if (key == "time_date_stamp")
                            m.timestamp = static_cast<std::uint32_t>(number(value));
                          if (key == "(version)" && !m.version) m.version = value;
                          if (key == "(debug_identifier)") m.debug_key = key_of(value);
                          if (key == "(code_file)") m.name = value;
                        });
}

// rust-minidump's JSON: the process's modules come last.
std::vector<KnownModule> from_json(const std::string& path) {
  return known_by_lines(path, "\"modules\": [", "base_addr",
                        [](KnownModule& m, const std::string& key, const std::string& value) {
                          if (key == "base_addr") m.base = number(value);
                          if (key == "end_addr") m.size = number(value) - m.base;
                          if (key == "version") m.version = value == "null" ? "" : value;
                          if (key == "debug_id") m.debug_key = value;
                          if (key == "filename") m.name = value;
                        });
}

// symbolicator's snapshots.
std::vector<KnownModule> from_symbolicator(const std::string& path) {
  return known_by_lines(path, "modules:", "debug_status",
                        [](KnownModule& m, const std::string& key, const std::string& value) {
                          if (key == "image_addr") m.base = number(value);
                          if (key == "image_size") m.size = number(value);
                          if (key == "code_id" && value.size() < 18)
                            m.timestamp = static_cast<std::uint32_t>(
                                std::stoul(value.substr(0, 8), nullptr, 16));
                          if (key == "debug_id") m.debug_key = key_of(value);
                        });
}

// Breakpad's machine readable stack walk: Module|name|version|debug file|id|first|last|main.
std::vector<KnownModule> from_machine_readable(const std::string& path) {
  std::vector<KnownModule> modules;
  std::ifstream in(kCorpus + path);
  for (std::string line; std::getline(in, line);) {
    auto column = split(line, '|');
    if (column.size() < 7 || column[0] != "Module") continue;
    KnownModule m;
    m.name = column[1];
    m.version = column[2];
    m.debug_key = column[4];
    m.base = number(column[5]);
    m.size = number(column[6]) - m.base + 1;
    modules.push_back(m);
  }
  return modules;
}

const std::string kBreakpad = "user-breakpad/google+breakpad/src/processor/testdata/";
const std::string kRust = "user-rust-minidump/rust-minidump+rust-minidump/";
const std::string kSnaps = kRust + "minidump-stackwalk/tests/snapshots/test_minidump_stackwalk__";
const std::string kSentry = "user-sentry/getsentry+symbolicator/";
const std::string kSentrySnaps =
    kSentry +
    "crates/symbolicator-native/tests/integration/snapshots/integration__process_minidump__";

struct Answers {
  std::string dump, output;
  std::vector<KnownModule> (*read)(const std::string&);
};
const Answers kAnswers[] = {
    {kBreakpad + "minidump2.dmp", kBreakpad + "minidump2.dump.out", from_breakpad_dump},
    {kBreakpad + "minidump2.dmp", kBreakpad + "minidump2.stackwalk.machine_readable.out",
     from_machine_readable},
    {kBreakpad + "minidump2.dmp", kSnaps + "dump-brief.snap", from_breakpad_dump},
    {kBreakpad + "minidump2.dmp", kSnaps + "json-pretty.snap", from_json},
    {kRust + "testdata/linux-mini.dmp", kSnaps + "linux_json_pretty.snap", from_json},
    {kRust + "testdata/pipeline-inlines-macos-segv.dmp", kSnaps + "macos_inlines_json_pretty.snap",
     from_json},
    {kSentry + "tests/fixtures/windows.dmp", kSentrySnaps + "minidump_windows.snap",
     from_symbolicator},
    {kSentry + "tests/fixtures/linux.dmp", kSentrySnaps + "minidump_linux.snap", from_symbolicator},
    {kSentry + "tests/fixtures/macos.dmp", kSentrySnaps + "minidump_macos.snap", from_symbolicator},
};

struct Compared {
  std::size_t modules = 0, versions = 0, ids = 0;
  std::vector<std::string> wrong;
};

void compare(const std::vector<KnownModule>& known, const Minidump& dump, Compared& result) {
  for (const KnownModule& k : known) {
    auto same_base = [&](const Module& m) { return m.base == k.base; };
    auto same = [&](const Module& m) { return same_base(m) && m.name() == base_name(k.name); };
    auto found = std::find_if(dump.modules.begin(), dump.modules.end(), same);
    if (found == dump.modules.end())
      found = std::find_if(dump.modules.begin(), dump.modules.end(), same_base);
    auto wrong = [&](const std::string& what, const auto& mine, const auto& theirs) {
      result.wrong.push_back(
          fmt::format("{} at {:#x}: {} {}, known {}", k.name, k.base, what, mine, theirs));
    };
    if (found == dump.modules.end()) {
      result.wrong.push_back(fmt::format("{} at {:#x} is missing", k.name, k.base));
      continue;
    }
    ++result.modules;
    if (k.size && *k.size != found->size) wrong("size", found->size, *k.size);
    if (k.timestamp && *k.timestamp != found->timestamp)
      wrong("time stamp", found->timestamp, *k.timestamp);
    if (!k.name.empty() && base_name(k.name) != found->name())
      wrong("name", found->name(), base_name(k.name));
    if (k.version) {
      ++result.versions;
      std::string mine = found->version ? found->version->to_string() : "";
      if (mine != *k.version) wrong("version", mine, *k.version);
    }
    if (k.debug_key && !k.debug_key->empty()) {
      ++result.ids;
      std::string key = found->debug.key();
      if (key != *k.debug_key) wrong("debug id", key, *k.debug_key);
    }
  }
}

std::vector<std::string> against_outputs(const Row& row, const Minidump& dump, Compared& result) {
  for (const Answers& answers : kAnswers) {
    if (answers.dump != row.path) continue;
    auto known = answers.read(answers.output);
    if (known.size() != dump.modules.size())
      result.wrong.push_back(fmt::format("{} modules, {} in {}", dump.modules.size(), known.size(),
                                         base_name(answers.output)));
    compare(known, dump, result);
  }
  return result.wrong;
}

// LLVM's reader refuses a whole file for one bad stream; where it does not, all must agree.
bool against_llvm(const std::string& path, const Minidump& dump, Compared& result) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer) return false;
  auto file = llvm::object::MinidumpFile::create((*buffer)->getMemBufferRef());
  if (!file) {
    llvm::consumeError(file.takeError());
    return false;
  }
  auto modules = (*file)->getModuleList();
  if (!modules) {
    llvm::consumeError(modules.takeError());
    return false;
  }
  std::vector<KnownModule> known;
  for (const auto& raw : *modules) {
    KnownModule m;
    m.base = raw.BaseOfImage;
    m.size = raw.SizeOfImage;
    m.timestamp = raw.TimeDateStamp;
    auto name = (*file)->getString(raw.ModuleNameRVA);
    if (name)
      m.name = *name;
    else
      llvm::consumeError(name.takeError());
    std::uint32_t high = raw.VersionInfo.FileVersionHigh, low = raw.VersionInfo.FileVersionLow;
    m.version = raw.VersionInfo.Signature == 0xFEEF04BDu
                    ? fmt::format("{}.{}.{}.{}", high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF)
                    : "";
    known.push_back(m);
  }
  if (known.size() != dump.modules.size()) result.wrong.push_back("LLVM counts other modules");
  compare(known, dump, result);
  if (auto threads = (*file)->getThreadList()) {
    for (std::size_t i = 0; i < threads->size() && i < dump.threads.size(); ++i)
      if ((*threads)[i].ThreadId != dump.threads[i].id) result.wrong.push_back("LLVM thread ids");
    if (threads->size() != dump.threads.size()) result.wrong.push_back("LLVM thread count");
  } else {
    llvm::consumeError(threads.takeError());
  }
  return true;
}

std::string shortened(const std::string& text, std::size_t width) {
  return text.size() <= width ? text : "..." + text.substr(text.size() - width + 3);
}

class CorpusMinidump : public testing::Test {
protected:
  void SetUp() override {
    if (!std::filesystem::exists(kCorpus + "MANIFEST.tsv"))
      GTEST_SKIP() << "skipped: the folder of real dumps is missing (" << kCorpus << ")";
  }
};

TEST_F(CorpusMinidump, EveryDumpAgreesWithIndependentAnswers) {
  std::size_t windows = 0, versions = 0, second_opinions = 0;
  auto rows = manifest();
  EXPECT_EQ(rows.size(), 116u);
  fmt::print("{:<58} {:>10} {:>18} {:>7} {:>8} {:>4} {}\n", "file", "exception", "address",
             "modules", "versions", "ids", "verdict");
  for (const Row& row : rows) {
    SCOPED_TRACE(row.path);
    auto mapped = MappedFile::open(kCorpus + row.path);
    ASSERT_TRUE(mapped) << mapped.error().message();
    Notes notes;
    auto parts = read_minidump((*mapped)->bytes(), notes);
    std::string name = shortened(row.path, 58);
    if (!parts) {
      EXPECT_TRUE(row.malformed()) << parts.error().message();
      EXPECT_FALSE(parts.error().message().empty());
      fmt::print("{:<58} error: {}\n", name, parts.error().message());
      continue;
    }
    const Minidump& dump = *parts->minidump;
    Compared compared;
    bool llvm_agrees = against_llvm(kCorpus + row.path, dump, compared);
    second_opinions += llvm_agrees ? 1 : 0;
    if (!row.malformed()) {
      for (std::string& line : against_manifest(row, dump)) compared.wrong.push_back(line);
      against_outputs(row, dump, compared);
    } else if (!dump.modules.empty() || !notes.empty()) {
      EXPECT_TRUE(!parts->complete || !notes.empty() || row.arch == "x64");
    }
    if (row.windows() && !row.malformed()) {
      ++windows;
      // A Windows dump is one that LLVM reads too: each of its versions has a second opinion.
      EXPECT_TRUE(llvm_agrees || compared.versions > 0 || dump.modules.empty());
    }
    versions += compared.versions;
    for (const std::string& line : compared.wrong) ADD_FAILURE() << line;
    std::string verdict = !compared.wrong.empty() ? "WRONG"
                          : row.malformed()       ? fmt::format("partial, {} notes", notes.size())
                          : parts->complete       ? "agrees"
                                            : fmt::format("agrees, cut: {} notes", notes.size());
    if (!llvm_agrees) verdict += " (LLVM refuses)";
    fmt::print("{:<58} {:>10} {:>18} {:>7} {:>8} {:>4} {}\n", name,
               dump.exception ? hex(dump.exception->record.code, 8) : "-",
               dump.exception ? hex(dump.exception->record.address) : "-", dump.modules.size(),
               compared.versions, compared.ids, verdict);
    if (std::getenv("DUMPTRIAGE_SHOW_NOTES"))
      for (const Note& note : notes)
        fmt::print("    {} ({})\n", note.message, note.where.to_string());
  }
  EXPECT_GE(windows, 30u);
  EXPECT_GT(versions, 1000u);
  EXPECT_GT(second_opinions, 60u);
}

TEST_F(CorpusMinidump, MalformedFilesEndInAnErrorOrAPartialResult) {
  std::size_t files = 0, errors = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kCorpus + "malformed")) {
    if (!entry.is_regular_file()) continue;
    auto mapped = MappedFile::open(entry.path().string());
    ASSERT_TRUE(mapped);
    Notes notes;
    auto parts = read_minidump((*mapped)->bytes(), notes);
    ++files;
    if (!parts) {
      ++errors;
      EXPECT_FALSE(parts.error().what.empty());
      EXPECT_EQ(is_minidump((*mapped)->bytes()), parts.error().code != Code::bad_magic)
          << entry.path() << ": " << parts.error().message();
    }
  }
  EXPECT_GT(files, 100u);
  EXPECT_GT(errors, 90u);
}

} // namespace
} // namespace dumptriage::dump
