// A fault in one sentence.
#pragma once

#include <string>

#include "evidence/evidence.h"
#include "evidence/fault_scene.h"

namespace dumptriage::evidence {

// What describe_fault learned that Fault has no field for.
struct FaultWords {
  bool unreported = false;    // the processor gave no address
  bool contradiction = false; // registers and reported address do not fit each other
  bool misaligned = false;
};

std::string explain_fault(const Input& input, const FaultScene& scene, const Fault& fault,
                          const FaultWords& words);

} // namespace dumptriage::evidence
