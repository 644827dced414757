// How Alpha's and Itanium's kernels translate addresses is published in part only.  This is the one
// place that decides it, dump by dump: every form that may be is tried, and one is used only when
// the dump shows by independent facts that it is right.  Not for other rooms.
//
// Facts, read through the form itself: links of the header's two lists that point back; images that
// stand where the module list says, each in a frame of its own (MZ, PE, the right machine, the size
// of the list's entry); and that the root maps itself.  A form is proved, for the ranges without
// tables and for the tables each by itself, by three such facts, an image among them, and none that
// speaks against it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "arch/arch.h"
#include "dump/kernel.h"
#include "memory/physical_memory.h"
#include "memory/virtual_memory.h"

namespace dumptriage::dump {

struct TranslationFacts {
  std::size_t links = 0, images = 0, against = 0;
  bool self_map = false;
  std::size_t count() const { return links + images + self_map; }
  bool prove() const { return against == 0 && images > 0 && count() >= 3; }
};

struct TranslationProof {
  memory::PageTables tables; // Paging::none: nothing may be translated
  bool whole = false;        // the tables are proved, too
  std::string told;          // what proves it, or why it is undecided; for people
};

bool needs_translation_proof(arch::Machine machine);
// The machine is one that needs it.
TranslationProof prove_translation(const KernelHeader& header, arch::Machine machine,
                                   const std::shared_ptr<const memory::PhysicalMemory>& physical);

} // namespace dumptriage::dump
