// Hand-made facts for rule tests, field by field as docs/facts.md names them.
#pragma once

#include <string>
#include <vector>

#include "evidence/facts.h"
#include "rules/rules.h"

namespace dumptriage::rules::test {

using evidence::Address;
using evidence::Coverage;
using evidence::Fact;
using evidence::FactSet;
using Extent = Coverage::Extent;

inline Fact fact(std::string kind, std::string id, std::map<std::string, evidence::Value> fields) {
  Fact made;
  made.kind = std::move(kind);
  made.id = std::move(id);
  made.fields = std::move(fields);
  made.trust = "dump";
  return made;
}

inline std::string text(const char* value) { return value; }
inline std::uint64_t number(std::uint64_t value) { return value; }

inline Fact stop(std::uint64_t code) {
  return fact(
      "stop", "stop",
      {{"kind", text("bugcheck")},
       {"code", number(code)},
       {"normalized", number((code & 0xF0000000) == 0x10000000 ? code & 0xFFFFFFF : code)}});
}
inline Fact stop_kind(const char* kind) { return fact("stop", "stop", {{"kind", text(kind)}}); }

inline Fact os(const char* family, std::uint64_t service_pack, const char* arch,
               bool proved = true) {
  return fact("os", "os",
              {{"family", text(family)},
               {"service_pack", number(service_pack)},
               {"service_pack_proved", proved},
               {"arch", text(arch)},
               {"cpus", number(2)}});
}

inline Fact module(const char* name, std::map<std::string, evidence::Value> more = {}) {
  Fact made = fact("module", std::string("module:") + name + "@1000", {{"name", text(name)}});
  made.fields.merge(more);
  return made;
}

// A sure frame, named by an exact PDB.
inline Fact frame(std::uint64_t cpu, std::uint64_t index, const char* module_name,
                  const char* function, bool top = false, bool crashed = false) {
  return fact("frame", "frame:cpu " + std::to_string(cpu) + ":" + std::to_string(index),
              {{"thread", "cpu " + std::to_string(cpu)},
               {"cpu", number(cpu)},
               {"index", number(index)},
               {"module", text(module_name)},
               {"function", text(function)},
               {"offset", number(0x1C)},
               {"trust", text("unwind_data")},
               {"sure", true},
               {"origin", text("image")},
               {"name_source", text("pdb_public")},
               {"name_exact", true},
               {"name_far", false},
               {"name_origin", text("image")},
               {"top", top},
               {"crashed_thread", crashed}});
}

inline Fact thread(const char* id, std::map<std::string, evidence::Value> more = {}) {
  Fact made =
      fact("thread", std::string("thread:") + id,
           {{"thread", text(id)}, {"crashed", false}, {"whole", true}, {"sure_frames", number(1)}});
  for (auto& [key, value] : more) made.fields[key] = value;
  return made;
}

// A sure frame of a thread that runs on no CPU, named by an exact PDB.
inline Fact frame_of(const char* thread, std::uint64_t index, const char* module_name,
                     const char* function) {
  Fact made = frame(0, index, module_name, function);
  made.id = std::string("frame:") + thread + ":" + std::to_string(index);
  made.fields["thread"] = text(thread);
  made.fields.erase("cpu");
  return made;
}

inline void cover(FactSet& set, const char* kind, Extent extent, const char* missing = "") {
  for (auto& coverage : set.coverage)
    if (coverage.kind == kind) {
      coverage.extent = extent;
      coverage.missing = missing;
      return;
    }
  set.coverage.push_back({kind, extent, 0, 0, missing});
}

inline void cover_all(FactSet& set) {
  for (const char* kind : {"stop",          "os",
                           "module",        "cpu",
                           "thread",        "frame",
                           "frame_crashed", "top",
                           "fault",         "parameter",
                           "process",       "pool_block",
                           "touched_block", "irp",
                           "irp_location",  "corruption",
                           "wait",          "hold",
                           "wait_cycle",    "work_queue",
                           "stack_limit",   "pool_usage",
                           "session_leak",  "status_text",
                           "network_peer",  "unloaded_module"})
    cover(set, kind, Extent::complete);
}

// Facts of a dump that shows everything, or of one in which a page of everything is missing.
inline FactSet with(std::vector<Fact> facts) {
  FactSet set;
  set.facts = std::move(facts);
  cover_all(set);
  return set;
}

inline FactSet seen_in_part(std::vector<Fact> facts) {
  FactSet set = with(std::move(facts));
  for (auto& coverage : set.coverage) {
    coverage.extent = Extent::partial;
    coverage.missing = "a page of " + coverage.kind;
  }
  return set;
}

inline Fact& find(FactSet& set, const std::string& id) {
  for (auto& made : set.facts)
    if (made.id == id) return made;
  static Fact none;
  return none;
}

// A rule of one condition, judged; the condition stands where `section` says.
inline std::string rule_with(const std::string& condition) {
  return "schema: dumptriage.rule/1\nid: t\ntitle: t\nfix:\n  unpublished: true\nrequire:\n  - " +
         condition + "\n";
}

inline Finding judge_condition(const std::string& condition, const FactSet& facts) {
  Catalogue catalogue = load({{"t.yaml", rule_with(condition)}});
  if (catalogue.size() != 1) {
    Finding broken;
    broken.condition = catalogue.errors.empty() ? "no rule" : catalogue.errors[0].message();
    broken.because = "NOT LOADED";
    return broken;
  }
  return catalogue.all()[0]->require[0]->judge(FactView(facts));
}

// "yes", "weak yes", "no", "cannot tell", or the error that kept the rule from loading.
inline std::string answer(const std::string& condition, const FactSet& facts) {
  Finding finding = judge_condition(condition, facts);
  if (finding.because == "NOT LOADED") return finding.condition;
  return (finding.weak ? "weak " : "") + std::string(name_of(finding.answer));
}

} // namespace dumptriage::rules::test
