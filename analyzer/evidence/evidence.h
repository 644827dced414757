// The extractors' input and their registry, and what else evidence works out from the same input.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "evidence/facts.h"
#include "stack/stack.h"
#include "symbols/module_set.h"
#include "system/snapshot.h"

namespace dumptriage::evidence {

struct Input {
  const system::Snapshot& snapshot;
  const std::vector<stack::Stack>& stacks; // parallel to snapshot.threads
  symbols::ModuleSet& modules;
};

// stop.cpp: what stopped it, in words.
struct ParameterMeaning {
  std::uint64_t value = 0;
  std::string meaning;
};
struct StopText {
  std::string name;             // "DRIVER_IRQL_NOT_LESS_OR_EQUAL", "STATUS_ACCESS_VIOLATION"
  std::uint32_t normalized = 0; // bugcheck without the 0x10000000 bit of M variants
  std::string summary;          // one sentence
  std::vector<ParameterMeaning>
      parameters; // with module+offset for code addresses, NTSTATUS names, ...
};
StopText describe_stop(const Input& input);

// fault.cpp: the instruction at fault and the address it touched.
struct Fault {
  std::uint64_t ip = 0;
  std::string instruction; // "mov eax, dword ptr [ecx + 8]"; empty when its bytes are missing
  std::string access;      // "read", "write", "execute", "" = unknown
  std::optional<std::uint64_t> address;         // touched
  std::string address_class;                    // see address_class.h; "" = unknown
  std::string explanation;                      // one sentence for people
  memory::Origin origin = memory::Origin::dump; // of the instruction's bytes
};
std::optional<Fault> describe_fault(const Input& input);

// Values that the fault's address is, or was made of: where a pool block may tell more.
struct TouchedPointers {
  struct Pointer {
    std::string of; // "address", or a register: "rcx"
    std::uint64_t value = 0;
  };
  std::vector<Pointer> pointers;
  bool complete = false; // the address and all registers it was made of are among them
};
// Nothing when no memory was touched that must not be.
std::optional<TouchedPointers> touched_pointers(const Input& input);

// blame.cpp: who is to blame and why; `module` empty = unknown, which is a valid answer.
struct Blame {
  std::string module, function;
  std::optional<std::uint64_t> offset; // rva in the module
  std::string why;
  std::string trust; // of the frame it rests on; "" when unknown
};
Blame find_blame(const Input& input);

// bucket.cpp.  key never uses names; family drops build ids; title is for people.
struct Bucket {
  std::string key, family, title;
};
Bucket make_bucket(const Input& input, const StopText& stop, const Blame& blame);

FactSet extract(const Input& input);

} // namespace dumptriage::evidence
