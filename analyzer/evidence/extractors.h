// What the extractors share, and their list.  A new kind of fact is one file with one extractor and
// one line in registry.cpp.
#pragma once

#include <string>
#include <string_view>

#include "evidence/evidence.h"

namespace dumptriage::evidence {

void extract_stop(const Input& input, FactSet& set);
void extract_os(const Input& input, FactSet& set);
void extract_modules(const Input& input, FactSet& set);
void extract_cpus(const Input& input, FactSet& set);
void extract_threads(const Input& input, FactSet& set);
void extract_frames(const Input& input, FactSet& set);
void extract_fault(const Input& input, FactSet& set);
void extract_parameters(const Input& input, FactSet& set);
void extract_processes(const Input& input, FactSet& set);
void extract_touched_blocks(const Input& input, FactSet& set);
void extract_pool_blocks(const Input& input, FactSet& set);
void extract_irps(const Input& input, FactSet& set);
void extract_corruptions(const Input& input, FactSet& set);
void extract_waits(const Input& input, FactSet& set);
void extract_wait_cycles(const Input& input, FactSet& set);
void extract_work_queues(const Input& input, FactSet& set);
void extract_stack_limit(const Input& input, FactSet& set);
void extract_pool_usage(const Input& input, FactSet& set);
void extract_status_text(const Input& input, FactSet& set);
void extract_network_peers(const Input& input, FactSet& set);

// Facts of one kind: more than any real dump has, few enough for a hostile one.
inline constexpr std::size_t kMostFacts = 20000;

// Ids by which facts refer to each other.  extract() tells two facts with one id apart (a list may
// name a module twice); references mean the first of them.
std::string module_id(const Input& input, std::size_t module);
std::string cpu_id(std::uint32_t number);
std::string process_id(const system::Process& process);
std::string thread_id(const Input& input, std::size_t thread);
std::string frame_id(const Input& input, std::size_t thread, std::size_t frame);

// The walked stack of a thread; null when there is none.
const stack::Stack* stack_of(const Input& input, std::size_t thread);
// Index of the crashed thread.
std::optional<std::size_t> crashed_thread(const Input& input);
// Is frame 0 of this thread the context of the fault itself?
bool starts_at_fault(const Input& input, std::size_t thread);

// Is there a name that a "no" may rest on: full or public symbols of the exact build, near enough?
// Exports and Breakpad publics leave too many functions out.
bool named_for_sure(const stack::Frame& frame);

} // namespace dumptriage::evidence
