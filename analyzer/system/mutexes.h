// Owners of mutants, fast mutexes and guarded mutexes.  Not for other rooms.
#pragma once

#include "system/dispatcher.h"
#include "system/waits_reading.h"

namespace dumptriage::system {

// The node of the KMUTANT at `address`, joined to its owner when it has one.
std::size_t mutant_node(WaitReading& reading, std::uint64_t address);

// The mutants on the threads' own lists: those that are held without anybody waiting, too.
void connect_held_mutants(WaitReading& reading, std::span<const ThreadState> threads);

// The FAST_MUTEX or KGUARDED_MUTEX around the event or gate that a thread waits on, joined to its
// owner; nothing when the bytes around it are none.
std::optional<std::size_t> mutex_node(WaitReading& reading, const ThreadWait& wait,
                                      const ThreadWait::Object& object);

} // namespace dumptriage::system
