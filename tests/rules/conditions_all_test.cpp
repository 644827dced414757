// What holds of every condition: it is documented with an example that can be read; it needs only
// what it cannot do without; what a dump does not show never turns into a certain answer.
#include <algorithm>
#include <fstream>
#include <random>

#include <gtest/gtest.h>

#include "rules/conditions/condition.h"
#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

struct Example {
  std::string name, text;
};

// Rows "| `name` | `example` | ..." of the section on conditions.
std::vector<Example> documented() {
  std::ifstream file(std::string(DUMPTRIAGE_SOURCE_DIR) + "/docs/rules.md");
  std::vector<Example> rows;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("## ")) inside = line == "## Conditions";
    if (!inside || !line.starts_with("| `")) continue;
    const std::size_t end = line.find('`', 3), from = line.find('`', end + 1),
                      to = from == std::string::npos ? from : line.find('`', from + 1);
    if (to == std::string::npos) continue;
    rows.push_back({line.substr(3, end - 3), line.substr(from + 1, to - from - 1)});
  }
  return rows;
}

std::string rule_of(const std::string& condition) {
  return "schema: dumptriage.rule/1\nid: t\ntitle: t\nfix:\n  files:\n    - file: mup.sys\n"
         "      built: 1999-06-12\nrequire:\n  - " +
         condition + "\n";
}

class Loaded {
public:
  explicit Loaded(const std::string& condition)
      : catalogue_(load({{"t.yaml", rule_of(condition)}})) {
    for (const auto& error : catalogue_.errors) errors_ += error.message() + "\n";
  }
  bool good() const { return catalogue_.size() == 1; }
  const Condition& condition() const { return *catalogue_.all()[0]->require[0]; }
  const std::string& errors() const { return errors_; }
  bool offered(const FactView& facts) const { return !catalogue_.candidates(facts).empty(); }

private:
  Catalogue catalogue_;
  std::string errors_;
};

TEST(EveryCondition, IsDocumentedWithAnExampleThatLoads) {
  const std::vector<Example> rows = documented();
  for (const ConditionKind& kind : condition_kinds()) {
    const auto row = std::ranges::find(rows, kind.name, &Example::name);
    ASSERT_NE(row, rows.end()) << kind.name << " is not in docs/rules.md";
    EXPECT_TRUE(row->text.starts_with(std::string(kind.name) + ": ")) << row->text;
    Loaded loaded(row->text);
    EXPECT_TRUE(loaded.good()) << row->text << "\n" << loaded.errors();
  }
  for (const Example& row : rows)
    EXPECT_NE(std::ranges::find(condition_kinds(), row.name, &ConditionKind::name),
              condition_kinds().end())
        << row.name << " is documented and does not exist";
}

// A machine of which the examples of docs/rules.md say something.
FactSet machine() {
  Fact stopped = stop(0xA);
  for (const auto& [name, value] :
       std::map<std::string, std::uint64_t>{{"p1", 0xFC}, {"p2", 2}, {"p3", 0}, {"p4", 0xF86D147A}})
    stopped.fields[name] = Address{value};
  Fact system = os("nt4", 6, "x86");
  system.fields["terminal_server"] = true;
  system.fields["product_type"] = number(3);
  Fact cycle =
      fact("wait_cycle", "wait_cycle:1", {{"threads", number(2)}, {"trust", text("read")}});
  cycle.refs = {"thread:cpu 0", "thread:10", "wait:1", "wait:2"};
  auto wait = [](const char* id, const char* kind, const char* of, std::uint64_t object) {
    return fact(kind, id,
                {{"thread", text(of)},
                 {"object", Address{object}},
                 {"object_kind", text("resource")},
                 {"trust", text("read")},
                 {"object_module", text("ntfs.sys")}});
  };
  return with(
      {stopped,
       system,
       module("mup.sys", {{"timestamp", number(900000000)}}),
       module("rdr.sys"),
       module("elxsli2.sys", {{"timestamp", number(945129600)}, {"class", text("storage")}}),
       module("netbt.sys", {{"base", Address{0xF86D1000}}, {"size", number(0x1E000)}}),
       module("ntoskrnl.exe"),
       fact("cpu", "cpu:0", {{"number", number(0)}, {"crashed", true}, {"irql", number(2)}}),
       fact("process", "process:8", {{"name", text("lsass.exe")}, {"crashed", true}}),
       thread("cpu 0", {{"crashed", true},
                        {"cpu", number(0)},
                        {"session", number(1)},
                        {"state", text("terminated")},
                        {"sure_frames", number(4)}}),
       thread("10", {{"session", number(2)},
                     {"state", text("waiting")},
                     {"system_worker", text("critical")}}),
       thread("14", {{"state", text("waiting")}, {"system_worker", text("critical")}}),
       frame(0, 0, "ntoskrnl.exe", "KiTrap0E", false, true),
       frame(0, 1, "npfs.sys", "NpCancelWaitQueueIrp", true, true),
       frame(0, 2, "sfmsrv.sys", "SfmCall", false, true),
       frame(0, 3, "ntoskrnl.exe", "IoCancelIrp", false, true),
       frame_of("10", 0, "mup.sys", "MupCreate"),
       frame_of("14", 0, "rdr.sys", "RdrCreate"),
       fact("fault", "fault",
            {{"ip", Address{0xF8001234}},
             {"module", text("sfmsrv.sys")},
             {"rva", number(0x1234)},
             {"address", Address{0x8A000010}}}),
       fact("touched_block", "touched_block:ecx",
            {{"of", text("ecx")}, {"state", text("free")}, {"tag", text("Irp ")}}),
       fact("pool_block", "pool_block:p1",
            {{"asked_by", text("p1")}, {"state", text("free")}, {"tag", text("Irp ")}}),
       fact("irp", "irp:1", {{"address", Address{0x8A000000}}, {"freed", true}, {"twice", true}}),
       fact("irp_location", "irp_location:1:1",
            {{"irp", Address{0x8A000000}},
             {"completion_module", text("sfmsrv.sys")},
             {"driver_module", text("afd.sys")}}),
       fact("corruption", "corruption:1",
            {{"what", text("irp_lookaside")},
             {"how", text("doubled")},
             {"block_type", text("IRP")}}),
       fact("pool_usage", "pool_usage:1",
            {{"tag", text("TMRL")}, {"pool", text("nonpaged")}, {"share", number(30)}}),
       fact("session_leak", "session_leak:1", {{"tag", text("Ussy")}}),
       fact("status_text", "status_text:1",
            {{"image", text("winlogon.exe")}, {"status", number(0xC0000005)}}),
       fact("stack_limit", "stack_limit", {{"exhausted", true}}),
       fact("network_peer", "network_peer:1",
            {{"port", number(139)}, {"certainty", text("agreed")}}),
       fact("work_queue", "work_queue:1",
            {{"queue", text("critical")},
             {"workers", number(2)},
             {"idle", number(0)},
             {"pending", number(3)}}),
       wait("wait:1", "wait", "10", 0x8A001000),
       wait("wait:2", "wait", "14", 0x8A001000),
       wait("hold:1", "hold", "cpu 0", 0x8A001000),
       cycle});
}

// Beside the examples: forms whose answer on machine() is another one.
std::vector<std::string> conditions() {
  std::vector<std::string> all;
  for (const Example& row : documented()) all.push_back(row.text);
  for (const char* more :
       {"bugcheck: 0x50",
        "module_loaded: netbt.sys",
        "module_loaded: [netbt.sys, nowhere.sys]",
        "module_not_loaded: nowhere.sys",
        "fault_in: {module: sfmsrv.sys, rva: 1}",
        "fault_address: [null, text, user, wild]",
        "frame_module: {module: nt, within: 3}",
        "frame_module: {module: npfs.sys, within: 1}",
        "frame_function: 'mup!*'",
        "frame_function: rdr!RdrCreate",
        "top_of_stack: npfs!NpCancelWaitQueueIrp",
        "frame_sequence: [npfs!NpCancelWaitQueueIrp, nt!IoCancelIrp]",
        "frame_sequence: {frames: [a!AlphaFunction, b!BravoFunction], on: any_thread}",
        "parameters: {p4: {in: tcpip.sys}}",
        "parameters: {p1: {in: netbt.sys}}",
        "pool_usage: {tag: TMRL, at_most: 50%}",
        "pool_usage: {tag: None, at_most: 5%}",
        "pool_tag_at: {at: fault, tag: Irp, state: free}",
        "irp: {state: pending}",
        "wait_cycle: true",
        "wait_cycle: {modules: [mup.sys, npfs.sys]}",
        "wait_cycle: {sessions: distinct}",
        "wait_cycle: {objects: event}",
        "blocked_threads: {at_least: 50%, module: rdr.sys, among: critical_workers}",
        "blocked_threads: {at_least: 2, wait: resource}",
        "blocked_threads: {at_least: 2, wait: resource, among: sessions}",
        "work_queue: {queue: delayed, idle_at_most: 0}",
        "lock_held: {by: any_thread, kind: mutant}",
        "driver_class: storage",
        "module_linked: {module: elxsli2.sys, on: 2001-01-01}",
        "module_older: {module: mup.sys, than: 1998-01-01}",
        "not: {session_leak: Gpat}",
        "any: [{irql: 9}, {stack_exhausted: true}]"})
    all.emplace_back(more);
  return all;
}

bool certain(const Finding& finding, Answer answer) {
  return finding.answer == answer && !finding.weak;
}

// Coverage that says the facts of a kind are not all there.
void doubt_kind(FactSet& set, const std::string& kind) {
  cover(set, kind.c_str(), Extent::partial, "thinned");
  if (kind == "frame")
    for (const char* other : {"frame_crashed", "top"})
      cover(set, other, Extent::partial, "thinned");
}

// Fields that an extractor leaves out where the dump cannot fill them.
const std::map<std::string, std::vector<std::string>> kFields = {
    {"stop", {"p1", "p4", "exception_code"}},
    {"os", {"family", "service_pack", "arch", "terminal_server", "cpus", "product_type"}},
    {"module", {"timestamp", "class"}},
    {"cpu", {"irql"}},
    {"process", {"name"}},
    {"thread", {"session", "state", "system_worker"}},
    {"fault", {"rva", "address"}},
    {"touched_block", {"state", "tag"}},
    {"pool_block", {"state", "tag"}},
    {"irp", {"freed", "twice", "address"}},
    {"pool_usage", {"share"}},
    {"status_text", {"image", "status"}},
    {"stack_limit", {"exhausted"}},
    {"network_peer", {"port"}},
    {"work_queue", {"idle", "pending", "workers"}},
    {"wait", {"object_kind"}},
    {"hold", {"object_kind"}},
    {"wait_cycle", {"threads"}},
};

FactSet thinned(const FactSet& whole, std::mt19937& random) {
  FactSet set = whole;
  const auto below = [&](std::size_t end) { return random() % end; };
  for (std::size_t changes = 1 + below(6); changes > 0 && !set.facts.empty(); --changes) {
    const std::size_t at = below(set.facts.size());
    Fact& chosen = set.facts[at];
    const auto fields = kFields.find(chosen.kind);
    if (fields != kFields.end() && below(2) == 0) {
      chosen.fields.erase(fields->second[below(fields->second.size())]);
    } else {
      doubt_kind(set, chosen.kind);
      set.facts.erase(set.facts.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  return set;
}

TEST(EveryCondition, LessKnownIsNeverSurer) {
  const FactSet whole = machine();
  const FactView all(whole);
  const std::vector<std::string> texts = conditions();
  std::vector<Loaded> loaded(texts.begin(), texts.end());
  std::vector<Finding> full;
  std::map<Answer, int> answers;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    ASSERT_TRUE(loaded[i].good()) << texts[i] << "\n" << loaded[i].errors();
    full.push_back(loaded[i].condition().judge(all));
    ++answers[full[i].answer];
  }
  std::mt19937 random(20061);
  for (int round = 0; round < 400; ++round) {
    const FactSet set = thinned(whole, random);
    const FactView some(set);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const Finding found = loaded[i].condition().judge(some);
      const bool surer_no = full[i].answer != Answer::no && found.answer == Answer::no;
      const bool surer_yes = !certain(full[i], Answer::yes) && certain(found, Answer::yes);
      ASSERT_FALSE(surer_no || surer_yes) << texts[i] << " in round " << round << ": was "
                                          << name_of(full[i].answer) << ", says " << found.because;
      // A rule that the index would leave out would have been judged "no".
      if (loaded[i].offered(some)) continue;
      ASSERT_EQ(found.answer, Answer::no) << texts[i] << " in round " << round;
    }
  }
  // The machine is one that much can be said of.
  EXPECT_GT(answers[Answer::yes], 30);
  EXPECT_GT(answers[Answer::no], 15);
}

TEST(EveryCondition, NothingIsKnownOfNoFacts) {
  for (const std::string& text : conditions()) {
    Loaded loaded(text);
    ASSERT_TRUE(loaded.good()) << text;
    EXPECT_EQ(loaded.condition().judge(FactView(FactSet{})).answer, Answer::cannot_tell) << text;
  }
}

TEST(EveryCondition, FindingsNameFactsThatAreThere) {
  const FactSet whole = machine();
  const FactView view(whole);
  for (const std::string& text : conditions()) {
    const Finding finding = Loaded(text).condition().judge(view);
    EXPECT_FALSE(finding.condition.empty()) << text;
    EXPECT_FALSE(finding.because.empty()) << text;
    for (const auto& id : finding.facts) EXPECT_NE(view.by_id(id), nullptr) << text << ": " << id;
  }
}

struct Property {
  const char* condition;
  bool discriminating;
  Condition::Half half;
};
using Half = Condition::Half;
const Property kProperties[] = {
    {"bugcheck: 0xA", false, Half::none},
    {"module_loaded: netbt.sys", false, Half::none},
    {"frame_module: netbt.sys", false, Half::none},
    {"fault_in: netbt.sys", false, Half::code},
    {"fault_in: {module: netbt.sys, rva: 0x1234}", false, Half::code},
    {"fault_in: 'net*'", false, Half::none},
    {"frame_function: netbt!NbtCopyToStartOfIndicate", true, Half::none},
    {"frame_function: 'netbt!Nbt*'", false, Half::none},
    {"frame_function: [netbt!NbtConnect, 'netbt!*']", false, Half::none},
    {"frame_sequence: [nt!IoFreeIrp, npfs!NpCancelIrp]", true, Half::code},
    {"frame_sequence: [nt!IoFreeIrp, 'npfs!*']", false, Half::code},
    {"frame_sequence: ['nt!*', 'npfs!*']", false, Half::none},
    {"parameters: {p1: 1, p2: 2, p4: {in: a.sys, page_offset: 0x47A}}", true, Half::none},
    {"parameters: {p1: 1, p2: 2, p4: {in: a.sys, rva: 0x47A}}", true, Half::none},
    {"parameters: {p1: 1, p2: 2, p4: {in: a.sys}}", false, Half::none},
    {"parameters: {p1: 1, p2: 2, p4: {in: 'a*', page_offset: 1}}", false, Half::none},
    {"parameters: {p1: 1, p2: 2, p3: 0, p4: 3}", false, Half::none},
    {"parameters: {p1: {below: 9}, p2: 2, p4: {in: a.sys, rva: 1}}", false, Half::none},
    {"fault_address: freed", false, Half::state},
    {"fault_address: [null, freed]", false, Half::none},
    {"corruption: pool_freelist", false, Half::none},
    {"corruption: {block: IRP}", false, Half::state},
    {"pool_tag_at: {at: p1, tag: Irp, state: free}", false, Half::state},
    {"pool_tag_at: {at: p1, tag: Irp}", false, Half::none},
    {"irp: {state: freed, completion_in: sfmsrv.sys}", false, Half::none},
    {"irp: {twice: true, completion_in: sfmsrv.sys}", true, Half::none},
    {"irp: {twice: true, driver: 'a*'}", false, Half::none},
    {"session_leak: Ussy", true, Half::none},
    {"pool_usage: {tag: TMRL, at_least: 25%}", true, Half::none},
    {"pool_usage: {tag: TMRL, at_least: 24%}", false, Half::none},
    {"wait_cycle: {modules: [mup.sys, rdr.sys]}", true, Half::none},
    {"wait_cycle: {modules: mup.sys}", false, Half::none},
    {"blocked_threads: {at_least: 80%, module: mup.sys, among: critical_workers}", true,
     Half::none},
    {"blocked_threads: {at_least: 4, module: mup.sys, among: critical_workers}", false, Half::none},
    {"blocked_threads: {at_least: 1, function: mup!MupCreate}", true, Half::none},
    {"status_text: {image: winlogon.exe}", false, Half::none},
    {"driver_class: antivirus", false, Half::none},
    {"all: [{fault_in: a.sys}, {fault_address: freed}]", true, Half::state},
    {"all: [{frame_module: a.sys}, {fault_address: freed}]", false, Half::state},
    {"any: [{session_leak: Ussy}, {bugcheck: 0xA}]", false, Half::none},
    {"not: {session_leak: Ussy}", false, Half::none},
};

TEST(EveryCondition, WhatProves) {
  for (const Property& expected : kProperties) {
    Loaded loaded(expected.condition);
    ASSERT_TRUE(loaded.good()) << expected.condition << "\n" << loaded.errors();
    EXPECT_EQ(loaded.condition().discriminating(), expected.discriminating) << expected.condition;
    EXPECT_EQ(loaded.condition().half(), expected.half) << expected.condition;
    if (expected.discriminating) EXPECT_GE(loaded.condition().weight(), 6u) << expected.condition;
  }
}

std::string needed(const char* condition) {
  Loaded loaded(condition);
  if (!loaded.good()) return loaded.errors();
  Needs needs;
  loaded.condition().needs(needs);
  std::string all;
  for (const Need& need : needs) {
    all += std::to_string(static_cast<int>(need.kind));
    for (const auto& atom : need.any_of) all += " " + atom;
    all += ";";
  }
  return all;
}

TEST(Needs, OnlyWhatIsCertain) {
  auto kind = [](NeedKind k) { return std::to_string(static_cast<int>(k)); };
  EXPECT_EQ(needed("bugcheck: [0xA, 0x1000007E]"), kind(NeedKind::bugcheck) + " 10 126;");
  EXPECT_EQ(needed("module_loaded: [Mup.SYS, rdr]"),
            kind(NeedKind::module) + " mup;" + kind(NeedKind::module) + " rdr;");
  EXPECT_EQ(needed("module_loaded: 'm*'"), "");
  EXPECT_EQ(needed("module_loaded: nt"), "");
  EXPECT_EQ(needed("module_not_loaded: mup.sys"), "");
  EXPECT_EQ(needed("fault_in: [a.sys, b.sys]"), kind(NeedKind::fault_module) + " a b;");
  EXPECT_EQ(needed("frame_sequence: [nt!IoFreeIrp, npfs!NpCancel]"),
            kind(NeedKind::frame_module) + " npfs;");
  EXPECT_EQ(needed("any: [{fault_in: a.sys}, {fault_in: b.sys}]"),
            kind(NeedKind::fault_module) + " a b;");
  EXPECT_EQ(needed("any: [{fault_in: a.sys}, {bugcheck: 0xA}]"), "");
  EXPECT_EQ(needed("all: [{fault_in: a.sys}, {bugcheck: 0xA}]"),
            kind(NeedKind::fault_module) + " a;" + kind(NeedKind::bugcheck) + " 10;");
  EXPECT_EQ(needed("not: {fault_in: a.sys}"), "");
  EXPECT_EQ(needed("pool_usage: {tag: A, at_most: 5%}"), "");
  EXPECT_EQ(needed("os: [{family: nt4}, {arch: x86}]"), "");
  EXPECT_EQ(needed("os: [{family: nt4}, {family: [2000, xp]}]"),
            kind(NeedKind::family) + " nt4 2000 xp;");
}

} // namespace
} // namespace dumptriage::rules::test
