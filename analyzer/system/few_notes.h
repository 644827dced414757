// A view with notes of its own, of which only the first few are kept: a hostile dump could cause
// one for every object.
#pragma once

#include "system/kernel_view.h"

namespace dumptriage::system {

class FewNotes {
public:
  explicit FewNotes(const KernelView& from)
      : to_(from.notes), view(from.dump, from.memory, from.kdbg, from.layout, notes_) {}
  ~FewNotes() {
    for (std::size_t i = 0; i < notes_.size() && i < kMost; ++i) to_.push_back(notes_[i]);
    if (notes_.size() > kMost)
      add_note(to_, Severity::warning, Code::limit,
               "kernel objects: " + std::to_string(notes_.size() - kMost) +
                   " more notes of this kind are left out");
  }
  FewNotes(const FewNotes&) = delete;
  FewNotes& operator=(const FewNotes&) = delete;

private:
  static constexpr std::size_t kMost = 32;
  Notes notes_;
  Notes& to_;

public:
  const KernelView view;
};

} // namespace dumptriage::system
