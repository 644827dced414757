// Body of walk_list(); included by kernel_view.h only.
#pragma once

#include "base/budget.h"

namespace dumptriage::system {

namespace detail {
enum class ListEnd { head, unreadable, cycle, budget, torn, stopped };
void note_list_end(const KernelView& view, const char* name, ListEnd end, std::uint64_t at);
} // namespace detail

template <class Visit>
bool walk_list(const KernelView& view, std::uint64_t head, std::size_t budget, const char* name,
               Visit&& visit) {
  using detail::ListEnd;
  Budget links(budget);
  std::uint64_t before = head;
  auto end = [&](ListEnd why, std::uint64_t at) {
    if (why != ListEnd::head && why != ListEnd::stopped) detail::note_list_end(view, name, why, at);
    return why == ListEnd::head;
  };
  for (;;) {
    auto next = view.pointer(before);
    if (!next) return end(ListEnd::unreadable, before);
    if (*next == head) return end(ListEnd::head, head);
    const Budget::Answer answer = links.step(*next);
    if (answer == Budget::Answer::visited) return end(ListEnd::cycle, *next);
    if (answer == Budget::Answer::used_up) return end(ListEnd::budget, *next);
    auto back = view.pointer(*next + view.pointer_size);
    if (!back) return end(ListEnd::unreadable, *next);
    if (*back != before) return end(ListEnd::torn, *next);
    if (!visit(*next)) return end(ListEnd::stopped, *next);
    before = *next;
  }
}

} // namespace dumptriage::system
