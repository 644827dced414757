#include "catalogue/invented.h"

#include <array>

#include <fmt/format.h>

#include "rules/facts_builder.h"

namespace dumptriage::rules::test {
namespace {

// One article from its fields as JSON; the others are as empty as in the published files.
std::string article(const std::string& id, const std::string& fields) {
  return fmt::format(
      R"({{"id": "{}", "title": "never read", "nature": "problem", "arch": [], {}}})", id, fields);
}

const char* const kNt4 = R"("os": {"NT 4.0": ["RTM-or-any"]}, )";
const char* const kPlainStop =
    R"("kind": "kernel_stop", "bugchecks": [{"code": "0xA", "params": []}], )";

std::vector<std::string> articles() {
  const std::string nt4 = kNt4;
  const std::string stop = nt4 + kPlainStop;
  return {
      // An exact parameter set with a file on either CPU.
      article("Q900001", nt4 + R"("kind": "kernel_stop", "hardware_field": "ALPHA x86",
        "bugchecks": [{"code": "0xA", "params": [[{"value": "0x84", "kind": "small"},
          {"value": "0x2", "kind": "small"}, {"value": "0x1", "kind": "small"},
          {"value": "0xF9C213D4", "kind": "kernel_address", "load_dependent": true}]]}],
        "fault_modules": ["quux.sys"], "cause_classes": ["race"],
        "fixed_files": [{"file": "quux.sys", "date": "1999-03-04", "time": "10:20",
                         "size": 41200, "platform": "x86"},
                        {"file": "quux.sys", "date": "1999-03-04", "platform": "alpha"}])"),
      // A stack, fixed by a service pack.
      article("Q900002", stop + R"("fault_modules": ["blarg.sys"],
        "stacks": [[{"module": "ntoskrnl", "function": "KiTrap0E", "offset": "0x200"},
                    {"module": "blarg", "function": "BlargCloseEndpoint", "offset": "0x1e"},
                    {"module": "blarg", "function": "BlargCleanup", "offset": "0x40"},
                    {"module": "ntoskrnl", "function": "IopCloseFile", "offset": "0x9"}]],
        "fixed_in_sp": [{"product": "NT 4.0", "sp": "5", "from": "text"}])"),
      // The same driver and stop, nothing to tell it by: a rival, at best possible.
      article("Q900003", stop + R"("fault_modules": ["blarg.sys"],
        "fixed_in_sp": [{"product": "NT 4.0", "sp": "6", "from": "list"}])"),
      // A function printed with its module, and no threshold.
      article("Q900004", stop + R"("fault_modules": ["frob.sys"],
        "functions": [{"module": "frob", "function": "FrobReleaseTransfer"}])"),
      // A function without a module only points.
      article("Q900005", stop + R"("fault_modules": ["wibble.sys"],
        "functions": [{"function": "WibbleTick"}])"),
      // A program's fault with a stack.
      article("Q900006", nt4 + R"("kind": "user_av", "fault_modules": ["thud.exe"],
        "stacks": [[{"module": "ntdll", "function": "RtlFreeHeap"},
                    {"module": "thud", "function": "ThudFreeName"},
                    {"module": "thud", "function": "ThudMain"}]])"),
      // A deadlock: a cycle through the driver is not proof of this very one.
      article("Q900007", nt4 + R"("kind": "hang", "hang_scope": "system",
        "fault_modules": ["grault.sys"], "cause_classes": ["deadlock"],
        "fixed_files": [{"file": "grault.sys", "date": "2000-01-10", "size": 30000}])"),
      // A session pool tag.
      article("Q900008", R"("os": {"Server 2003": ["SP1", "SP2"]}, "kind": "kernel_stop",
        "bugchecks": [{"code": "0xAB", "params": []}], "pool_tags": ["Zqxx"])"),
      // Two parameters that nothing else has, and no module.
      article("Q900009", nt4 + R"("kind": "kernel_stop", "bugchecks": [{"code": "0x77",
        "params": [[{"value": "0x1234", "kind": "small"}, {"value": "0xC000009D", "kind": "ntstatus"},
                    {"value": "0x0", "kind": "small"}, {"value": "0x4400", "kind": "small"}]]}])"),
      // Only the file table names a driver.
      article("Q900010", stop + R"("candidate_modules": ["plugh.sys"],
        "fixed_files": [{"file": "plugh.sys", "date": "2000-05-05"}])"),
      // Nothing but a code that many bugs share.
      article("Q900101", stop + R"("cause_classes": ["hardware"])"),
      // No article number; no map.
      article("none", stop + R"("fault_modules": ["quux.sys"])"),
      "17",
  };
}

FactSet machine(std::vector<Fact> facts) {
  FactSet set;
  set.facts = std::move(facts);
  set.facts.push_back(module("ntoskrnl.exe", {{"base", Address{0x80100000}}}));
  for (const char* kind :
       {"stop", "os", "module", "cpu", "thread", "frame", "frame_crashed", "top", "fault",
        "parameter", "process", "wait", "hold", "wait_cycle", "session_leak", "pool_usage"})
    cover(set, kind, Extent::complete);
  return set;
}

Fact nt4_system() {
  Fact made = os("nt4", 3, "x86");
  made.fields["terminal_server"] = false;
  made.fields["product_type"] = number(3);
  return made;
}

Fact parameter(std::uint64_t which, std::uint64_t value, const char* in = nullptr) {
  Fact made = fact("parameter", fmt::format("parameter:{}", which),
                   {{"number", number(which)},
                    {"value", Address{value}},
                    {"page_offset", number(value & 0xFFF)}});
  if (in) {
    made.fields["module"] = text(in);
    made.fields["rva"] = number(value & 0xFFFF);
  }
  return made;
}

Fact fault(const char* in, std::uint64_t ip) {
  return fact("fault", "fault", {{"ip", Address{ip}}, {"module", text(in)}});
}

// 1997-06-01, before every fix here.
Fact old_module(const char* name) { return module(name, {{"timestamp", number(0x3390CA80)}}); }

Fact crashed_frame(std::uint64_t index, const char* in, const char* function) {
  return frame(0, index, in, function, index == 0, true);
}
Fact crashed_thread(const char* process = nullptr) {
  Fact made = fact("thread", "thread:cpu 0",
                   {{"thread", text("cpu 0")}, {"cpu", number(0)}, {"crashed", true}});
  if (process) made.fields["process_name"] = text(process);
  return made;
}

Fact program_stop() {
  return fact("stop", "stop",
              {{"kind", text("exception")},
               {"code", number(0xC0000005)},
               {"normalized", number(0xC0000005)},
               {"exception_code", number(0xC0000005)}});
}

} // namespace

std::string invented_articles() {
  std::string all = "[\n";
  for (const auto& one : articles()) all += (all.size() > 2 ? ",\n" : "") + one;
  return all + "\n]\n";
}

std::vector<std::string> invented_rules() {
  return {"q900001", "q900002", "q900003", "q900004", "q900005",
          "q900006", "q900007", "q900008", "q900009", "q900010"};
}

std::vector<Invented> invented_machines() {
  Fact server = os("ws2003", 1, "x86");
  return {
      {"q900001", "Q900001", Verdict::confirmed,
       machine({stop(0xA), nt4_system(), old_module("quux.sys"), crashed_thread(),
                parameter(1, 0x84), parameter(2, 2), parameter(3, 1),
                parameter(4, 0xFB0043D4, "quux.sys"), fault("quux.sys", 0xFB0043D4)})},
      {"q900002", "Q900002", Verdict::confirmed,
       machine({stop(0xA), nt4_system(), old_module("blarg.sys"), crashed_thread(),
                crashed_frame(0, "blarg.sys", "BlargCloseEndpoint"),
                crashed_frame(1, "blarg.sys", "BlargCleanup"),
                crashed_frame(2, "ntoskrnl.exe", "IopCloseFile"), fault("blarg.sys", 0xFB004000)})},
      {"q900004", "Q900004", Verdict::confirmed,
       machine({stop(0xA), nt4_system(), old_module("frob.sys"), crashed_thread(),
                crashed_frame(0, "frob.sys", "FrobReleaseTransfer"),
                fault("frob.sys", 0xFB004000)})},
      {"q900005", "Q900005", Verdict::likely,
       machine({stop(0xA), nt4_system(), old_module("wibble.sys"), crashed_thread(),
                crashed_frame(0, "wibble.sys", "WibbleTick"), fault("wibble.sys", 0xFB004000)})},
      {"q900006", "Q900006", Verdict::confirmed,
       machine({program_stop(), nt4_system(), old_module("thud.exe"), old_module("ntdll.dll"),
                crashed_thread("thud.exe"), crashed_frame(0, "ntdll.dll", "RtlFreeHeap"),
                crashed_frame(1, "thud.exe", "ThudFreeName"),
                crashed_frame(2, "thud.exe", "ThudMain"), fault("thud.exe", 0x401000)})},
      {"q900008", "Q900008", Verdict::confirmed,
       machine({stop(0xAB), server, crashed_thread(),
                fact("session_leak", "session_leak:1",
                     {{"tag", text("Zqxx")}, {"blocks", number(3)}})})},
      {"q900009", "Q900009", Verdict::likely,
       machine({stop(0x77), nt4_system(), crashed_thread(), parameter(1, 0x1234),
                parameter(2, 0xC000009D), parameter(3, 0), parameter(4, 0x4400)})},
      {"q900010", "Q900010", Verdict::possible,
       machine({stop(0xA), nt4_system(), old_module("plugh.sys"), crashed_thread(),
                crashed_frame(0, "plugh.sys", "PlughSomething"), fault("plugh.sys", 0xFB004000)})},
  };
}

std::vector<std::pair<std::string, std::string>> damaged_articles() {
  constexpr auto kFields = std::to_array<const char*>(
      {"os", "kind", "bugchecks", "fault_modules", "stacks", "functions", "fixed_files",
       "fixed_in_sp", "param_notes", "address_lines", "products", "cause_classes", "pool_tags"});
  constexpr auto kNonsense =
      std::to_array<const char*>({"null", "7", R"("text: with # and \"quotes\"")",
                                  "[null, 7, {}, [[]]]", R"({"a": {"b": [1]}})"});
  std::vector<std::pair<std::string, std::string>> made;
  for (const char* field : kFields) {
    // One run of the importer for each field: five articles, each with other nonsense.
    std::string all;
    for (std::size_t i = 0; i < kNonsense.size(); ++i)
      all += (i ? "," : "") +
             article(fmt::format("Q90020{}", i),
                     std::string(kNt4) + kPlainStop + R"("fault_modules": ["quux.sys"], )" +
                         fmt::format(R"("{}": {})", field, kNonsense[i]));
    made.emplace_back(field, "[" + all + "]");
  }
  return made;
}

} // namespace dumptriage::rules::test
