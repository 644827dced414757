// The steps that read objects of the machine beside its threads: waits.cpp, irps.cpp, pool.cpp,
// accounts.cpp, peers.cpp.
#pragma once

#include <string>

#include "pipeline/parts.h"

namespace dumptriage::pipeline {

// After take_snapshot(), before facts are drawn.
void read_waits(const dump::Dump& dump, system::Snapshot& snapshot, const Options& options);
// Lists of free memory, work queues, the pool's accounts.  Behind read_waits(), before read_irps().
// Each of them costs what its lists are long, so every kernel dump has them read.
void read_accounts(const dump::Dump& dump, system::Snapshot& snapshot);
void read_irps(const dump::Dump& dump, system::Snapshot& snapshot);
void read_pools(const dump::Dump& dump, system::Snapshot& snapshot, const Options& options);
// After walk_threads(), before facts are drawn: the stacks say whether a peer is looked for.
void read_peers(const dump::Dump& dump, system::Snapshot& snapshot, const Walks& walks,
                const Options& options);
// The pool blocks around what the fault touched and the stop names.  After walk_threads(), because
// the registers of the fault may be found by it.
void read_touched(const dump::Dump& dump, system::Snapshot& snapshot, const evidence::Input& input);

// Behind list_threads().
void list_waits(report::Document& document, const Analysis& analysis);
void list_irps(report::Document& document, const Analysis& analysis);
void list_pools(report::Document& document, const Analysis& analysis);
void list_peers(report::Document& document, const Analysis& analysis);

// "netbt.sys+0x1234"; "" in no module.  Without names: objects lie in many modules, and no symbols
// are looked for because of them.
std::string place_in_module(symbols::ModuleSet& modules, std::uint64_t address);

} // namespace dumptriage::pipeline
