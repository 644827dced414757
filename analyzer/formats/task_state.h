// The task state segment of 32-bit x86, and the gates and descriptors that lead to one (Intel SDM
// volume 3A, "Task management").  Where Windows keeps their tables: _KPCR of public symbols.
#pragma once

#include <cstddef>

#include "base/wire.h"

namespace dumptriage::formats {

struct TaskState32 {
  /* 00 */ le16 Backlink, Reserved0;
  /* 04 */ le32 Esp0;
  /* 08 */ le32 Ss0, Esp1, Ss1, Esp2, Ss2;
  /* 1C */ le32 CR3;
  /* 20 */ le32 Eip;
  /* 24 */ le32 EFlags;
  /* 28 */ le32 Eax, Ecx, Edx, Ebx, Esp, Ebp, Esi, Edi;
  /* 48 */ le32 Es, Cs, Ss, Ds, Fs, Gs;
};
static_assert(sizeof(TaskState32) == 0x60);
static_assert(offsetof(TaskState32, CR3) == 0x1C && offsetof(TaskState32, Eax) == 0x28);
static_assert(offsetof(TaskState32, Es) == 0x48);

// _KPCR of 32-bit Windows.
inline constexpr std::uint32_t kKpcrSelf = 0x1C, kKpcrPrcb = 0x20, kKpcrIdt = 0x38, kKpcrGdt = 0x3C,
                               kKpcrPrcbData = 0x120;

} // namespace dumptriage::formats
