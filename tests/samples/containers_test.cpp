// One machine in every container: what the report says of it must not depend on how it was stored.
//
// Dumps with pages, all of them or the kernel's only: the whole JSON document is byte-identical but
// for `dump`, which describes the container itself.
// Live dumps: the header says that nothing crashed; modules, CPUs (the place of one only where it
// is known not to be an old one), processes and every stack are the same, the crash and what is
// judged from it are not compared. Triage dumps: what they hold by design is the same - stop,
// system, modules (name, place, size, stamps), unloaded modules, CPUs (number, thread, place) and
// the sure stacks of all CPUs, each as far as the slice of stack that was captured goes.  Frames
// below a trap frame of x86 may be guesses where the full dump proves them: what is not mapped
// cannot be told from what was not captured. Not compared, because a triage dump holds no pages:
// other threads and processes, waits, IRPs and pool blocks, what is read from a module's own
// headers in memory (debug id, version), and the IRQL, which lies outside the KPRCB. NT 4's header
// form and header-only dumps: the stop, as far as the header tells it.
#include "samples/machines.h"

#include "synth/convert.h"
#include "synth/triage_from_full.h"

namespace dumptriage::samples {
namespace {

using nlohmann::json;

pipeline::Options everything() {
  pipeline::Options options;
  options.threads = pipeline::Threads::all;
  options.locks = true;
  return options;
}

// As a document that can be compared: without `dump`.
json document_of(const report::Document& document) {
  json j = json::parse(report::to_json(document));
  j.erase("dump");
  return j;
}
json analyzed(pipeline::Analyzer& analyzer, const synth::Bytes& bytes) {
  return document_of(analyzer.analyze(
      MappedFile::borrow(ByteView(bytes.data(), bytes.size()), "machine.dmp"), everything()));
}

// The first differences, for a message that fits a screen.
std::string difference(const json& full, const json& other) {
  std::string text;
  json patch = json::diff(full, other);
  for (std::size_t i = 0; i < patch.size() && i < 6; ++i) {
    json::json_pointer at(patch[i]["path"].get<std::string>());
    text += patch[i].dump().substr(0, 300) + "\n    was " +
            (full.contains(at) ? full[at].dump().substr(0, 300) : "not there") + "\n";
  }
  return text + std::to_string(patch.size()) + " differences";
}

// Objects cut down to some of their fields, those that are there.
json fields(const json& list, std::initializer_list<const char*> names) {
  json out = json::array();
  for (const json& row : list) {
    json kept = json::object();
    for (const char* name : names)
      if (row.contains(name)) kept[name] = row[name];
    out.push_back(std::move(kept));
  }
  return out;
}

json places(const json& document) {
  return fields(document["cpus"], {"number", "current_thread", "pc"});
}

// The frames of each CPU's thread: pc, sp, module, function.
json stacks_of(const json& document, bool sure_only) {
  json out = json::object();
  for (const json& thread : document["threads"]) {
    if (!thread.contains("cpu") || !thread.contains("frames")) continue;
    json frames = json::array();
    for (const json& frame : thread["frames"])
      if (frame.value("sure", false) || !sure_only)
        frames.push_back(
            {frame["pc"], frame["sp"], frame.value("module", ""), frame.value("function", "")});
    out[thread["cpu"].dump()] = {{"crashed", thread["crashed"]}, {"frames", std::move(frames)}};
  }
  return out;
}

// How many of the leading frames lie in the slices of stack that the triage dump has: a walk that
// goes over to another stack may end there.
std::size_t captured(const json& frames, const synth::TriageDescription& triage) {
  auto inside = [&](std::uint64_t sp) {
    for (const synth::SynthCpu& cpu : triage.cpus)
      if (sp >= cpu.stack_start && sp - cpu.stack_start <= cpu.stack.size()) return true;
    return sp >= triage.stack_start && sp - triage.stack_start <= triage.stack.size();
  };
  std::size_t count = 0;
  while (count < frames.size() &&
         inside(std::stoull(frames[count][1].get<std::string>(), nullptr, 16)))
    ++count;
  return count;
}

class Containers : public testing::TestWithParam<MachineFile> {
protected:
  Containers() : analyzer(rules::builtin_catalogue(), {{kMachines, memory::Origin::image}}) {}
  void SetUp() override {
    machine = load(GetParam());
    if (!machine.dump) GTEST_SKIP() << "skipped: " << GetParam().name << " is no full dump";
    full = analyzed(analyzer, machine.file);
    ASSERT_FALSE(full.contains("error")) << full["error"].dump();
  }
  // The machine in another container, analysed.
  json as(const std::string& kind) {
    auto bytes = synth::convert(*machine.dump, kind);
    if (!bytes) return {};
    return analyzed(analyzer, *bytes);
  }
  LoadedMachine machine;
  pipeline::Analyzer analyzer;
  json full;
};

TEST_P(Containers, TheFullDumpTellsEnoughToCompare) {
  EXPECT_EQ(full["crash"]["kind"], "bugcheck");
  EXPECT_GE(full["modules"].size(), 2u);
  EXPECT_GE(full["cpus"].size(), 1u);
  ASSERT_FALSE(full["threads"].empty());
  EXPECT_GE(full["threads"][0]["sure_frames"], 3u);
}

TEST_P(Containers, DumpsWithAllPagesAreTheSame) {
  for (const char* kind : {"full", "summary", "bitmap-full", "bitmap", "rdmp-a"}) {
    json other = as(kind);
    if (other.is_null()) continue;
    EXPECT_TRUE(full.dump() == other.dump()) << kind << ": " << difference(full, other);
  }
}

TEST_P(Containers, DumpsWithTheKernelsPagesAreTheSame) {
  for (const char* kind : {"full-kernel", "summary-kernel", "bitmap-kernel", "rdmp-8-kernel",
                           "rdmp-9-kernel", "rdmp-a-kernel"}) {
    json other = as(kind);
    if (other.is_null()) continue;
    EXPECT_TRUE(full.dump() == other.dump()) << kind << ": " << difference(full, other);
  }
}

TEST_P(Containers, ALiveDumpIsTheSameMachine) {
  json live = as("live");
  for (const char* part : {"os", "time", "modules", "unloaded_modules", "processes"})
    EXPECT_TRUE(full[part] == live[part]) << part << ": " << difference(full[part], live[part]);
  EXPECT_EQ(live["crash"]["kind"], "none"); // and no CPU crashed
  json expected = places(full), got = places(live);
  for (std::size_t i = 0; i < got.size() && i < expected.size(); ++i)
    if (!got[i].contains("pc")) expected[i].erase("pc");
  EXPECT_EQ(expected, got);
}

TEST_P(Containers, ATriageDumpTellsWhatItHolds) {
  if (machine.dump->build() < 2195) GTEST_SKIP() << "skipped: NT 4 writes no triage dumps";
  json triage = as("triage");
  ASSERT_FALSE(triage.contains("error")) << triage["error"].dump();
  for (const char* field : {"kind", "code", "name", "parameters"})
    EXPECT_EQ(full["crash"].value(field, json()), triage["crash"].value(field, json())) << field;
  EXPECT_TRUE(full["os"] == triage["os"]) << difference(full["os"], triage["os"]);
  EXPECT_EQ(full["time"], triage["time"]);
  auto modules = [](const json& list) {
    return fields(list, {"name", "path", "base", "size", "timestamp", "checksum"});
  };
  json was = modules(full["modules"]), is = modules(triage["modules"]);
  EXPECT_TRUE(was == is) << difference(was, is);
  // Of an unloaded driver's name the file has room for twelve characters.
  was = modules(full["unloaded_modules"]), is = modules(triage["unloaded_modules"]);
  for (json& row : was) row["name"] = row["name"].get<std::string>().substr(0, 12);
  EXPECT_TRUE(was == is) << difference(was, is);
}

TEST_P(Containers, ATriageDumpHasEveryCpuAndItsStack) {
  if (machine.dump->build() < 2195) GTEST_SKIP() << "skipped: NT 4 writes no triage dumps";
  json triage = as("triage");
  EXPECT_EQ(places(full), places(triage));
  const synth::TriageDescription description = synth::describe_triage(*machine.dump);
  const json was = stacks_of(full, true), is = stacks_of(triage, false);
  const json sure = stacks_of(triage, true);
  for (const auto& [cpu, stack] : was.items()) {
    SCOPED_TRACE("CPU " + cpu);
    ASSERT_TRUE(is.contains(cpu));
    EXPECT_EQ(stack["crashed"], is[cpu]["crashed"]);
    json frames = stack["frames"];
    const std::size_t count = captured(frames, description);
    frames.erase(frames.begin() + static_cast<std::ptrdiff_t>(count), frames.end());
    if (count == 0) continue; // the fault was on a stack of which nothing was captured
    const json& all = is[cpu]["frames"];
    // Where a trap frame could not be proved, the frames above it come first and all are guesses.
    auto start = std::search(all.begin(), all.end(), frames.begin(), frames.end());
    EXPECT_NE(start, all.end()) << difference(frames, all);
    if (start == all.begin()) EXPECT_GE(sure[cpu]["frames"].size(), count);
  }
}

TEST_P(Containers, HeadersAloneTellTheStop) {
  for (const char* kind : {"header", "nt4"}) {
    json other = as(kind);
    if (other.is_null()) continue;
    for (const char* field : {"kind", "code"})
      EXPECT_EQ(full["crash"][field], other["crash"].value(field, json())) << kind << field;
    auto values = [](const json& d) { return fields(d["crash"]["parameters"], {"value"}); };
    EXPECT_EQ(values(full), values(other)) << kind;
  }
}

class Archives : public Containers {};

TEST_P(Archives, AreTheSame) {
  TemporaryFolder folder;
  for (const char* kind :
       {"full-small", "summary-small", "bitmap-small", "rdmp-a-small", "triage"}) {
    auto bytes = synth::convert(*machine.dump, kind);
    if (!bytes) continue;
    json bare = analyzed(analyzer, *bytes);
    for (const std::string& archive : synth::archive_kinds()) {
      synth::Bytes packed = synth::packed(archive, "machine.dmp", *bytes);
      ASSERT_FALSE(packed.empty()) << archive;
      std::string name = std::string("machine.dmp.") + archive;
      folder.add(name, packed);
      json other = document_of(analyzer.analyze(folder.path() + "/" + name, everything()));
      EXPECT_TRUE(bare.dump() == other.dump())
          << kind << " in " << archive << ": " << difference(bare, other);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, Archives, testing::ValuesIn(some_machines()),
                         [](const auto& info) { return info.param.name; });
INSTANTIATE_TEST_SUITE_P(Machines, Containers, testing::ValuesIn(machine_files()),
                         [](const auto& info) { return info.param.name; });

} // namespace
} // namespace dumptriage::samples
