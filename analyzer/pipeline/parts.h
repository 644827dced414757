// The steps of one analysis, one file each; analyze.cpp puts them in order.
#pragma once

#include <string>
#include <vector>

#include "dump/dump.h"
#include "evidence/evidence.h"
#include "pipeline/analyze.h"
#include "report/document.h"
#include "rules/rules.h"
#include "stack/stack.h"
#include "symbols/module_set.h"
#include "system/snapshot.h"

namespace dumptriage::pipeline {

// service_pack.cpp: the service pack of Server 2003, XP 64-bit and XP, proved by the version
// resource of the exact kernel image.  Sets it in `os`, or notes that the dump disagrees.
void prove_service_pack(system::Snapshot& snapshot, symbols::ModuleSet& modules, Notes& notes);
// The module that is the kernel, by its names.
std::optional<std::size_t> kernel_module(const std::vector<dump::Module>& modules);

// Frames, and words and instructions looked at, of all walks together: a dump may list thousands of
// threads that share one hostile stack.  The last walk may run over by what one walk may do.
inline constexpr std::size_t kMostFrames = 20000;
inline constexpr std::size_t kMostWork = 400000;

// walk.cpp: stacks, parallel to snapshot.threads; `walked` says which were looked at.
struct Walks {
  std::vector<stack::Stack> stacks;
  std::vector<bool> walked;
  std::vector<std::string> context_from; // where the registers of frame 0 come from
  // The 32-bit stacks of WoW64 threads; of other threads they have no frames.
  std::vector<stack::Stack> wow64;
};
// wait_threads.cpp: threads that wait for each other, those of cycles first, then those that wait
// for or hold locks; in a dump of a hang every one that waits.  Indexes in Snapshot::threads, a few
// hundred at most.
std::vector<std::size_t> waiting_threads(const system::Snapshot& snapshot);
// Where the fault behind a stop is found by unwinding, it becomes the stop's fault context.
Walks walk_threads(system::Snapshot& snapshot, symbols::ModuleSet& modules, Threads threads);
// wow64.cpp: the 32-bit stacks of the threads that were walked.
void walk_wow64(Walks& walks, const system::Snapshot& snapshot, symbols::ModuleSet& modules,
                symbols::Store* store);

// accuracy.cpp: the mark of docs/accuracy.md for a format and CPU.
std::string accuracy_of(const dump::Dump& dump);

// What the document is filled from.
struct Analysis {
  const dump::Dump& dump;
  const system::Snapshot& snapshot;
  const Walks& walks;
  symbols::ModuleSet& modules;
  const evidence::Input& input;
};

// machine.cpp
void describe_dump(report::Document& document, const dump::Dump& dump, bool hash_full);
void describe_machine(report::Document& document, const Analysis& analysis);
// crash.cpp
void describe_crash(report::Document& document, const Analysis& analysis);
// rows.cpp
void list_threads(report::Document& document, const Analysis& analysis);
void list_modules(report::Document& document, const Analysis& analysis);
// wanted.cpp
void list_wanted(report::Document& document, const Analysis& analysis);
// verdicts.cpp: see judge.h
// analyze.cpp
void name_tool(report::Document& document, const rules::Catalogue& catalogue);
void note_rule_errors(report::Document& document, const rules::Catalogue& catalogue);

// The key under which symbol stores keep an image: time stamp (8 digits) and size of image.
std::string image_key(const dump::Module& module);

} // namespace dumptriage::pipeline
