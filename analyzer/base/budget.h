// A budget for a walk over a list that a stranger wrote: so many steps, and no place twice.
#pragma once

#include <cstdint>
#include <unordered_set>

namespace dumptriage {

class Budget {
public:
  enum class Answer { go_on, visited, used_up };

  explicit Budget(std::uint64_t steps) : left_(steps) {}
  // Call once a step with the place about to be read.
  Answer step(std::uint64_t place) {
    if (left_ == 0) return Answer::used_up;
    --left_;
    return visited_.insert(place).second ? Answer::go_on : Answer::visited;
  }

private:
  std::uint64_t left_;
  std::unordered_set<std::uint64_t> visited_;
};

} // namespace dumptriage
