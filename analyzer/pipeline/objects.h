// The steps that read objects of the machine beside its threads: waits.cpp, irps.cpp, pool.cpp,
// peers.cpp.
#pragma once

#include <string>

#include "pipeline/parts.h"

namespace dumptriage::pipeline {

// After take_snapshot(), before facts are drawn.
void read_waits(const dump::Dump& dump, system::Snapshot& snapshot, const Options& options);
void read_irps(const dump::Dump& dump, system::Snapshot& snapshot);
void read_pools(const dump::Dump& dump, system::Snapshot& snapshot, const Options& options);
// After walk_threads(), before facts are drawn: the stacks say whether a peer is looked for.
void read_peers(const dump::Dump& dump, system::Snapshot& snapshot, const Walks& walks);

// Behind list_threads().
void list_waits(report::Document& document, const Analysis& analysis);
void list_irps(report::Document& document, const Analysis& analysis);
void list_pools(report::Document& document, const Analysis& analysis);
void list_peers(report::Document& document, const Analysis& analysis);

// "netbt.sys+0x1234"; "" in no module.  Without names: objects lie in many modules, and no symbols
// are looked for because of them.
std::string place_in_module(symbols::ModuleSet& modules, std::uint64_t address);

} // namespace dumptriage::pipeline
