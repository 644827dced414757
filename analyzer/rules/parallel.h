// The same work for many files at once, on as many threads as the machine has processors.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <system_error>
#include <thread>
#include <vector>

namespace dumptriage::rules {

// Calls `work` for every number below `count`, in no order.
void for_each_number(std::size_t count, const auto& work) {
  constexpr std::size_t kPortion = 32, kMostThreads = 8;
  std::atomic<std::size_t> next{0};
  auto run = [&] {
    for (std::size_t from; (from = next.fetch_add(kPortion)) < count;)
      for (std::size_t i = from; i < std::min(from + kPortion, count); ++i) work(i);
  };
  const std::size_t threads =
      std::min({kMostThreads, count / kPortion + 1,
                std::max<std::size_t>(std::thread::hardware_concurrency(), 1)});
  std::vector<std::jthread> others;
  try {
    while (others.size() + 1 < threads) others.emplace_back(run);
  } catch (const std::system_error&) { // no more threads: those that run do it all
  }
  run();
}

} // namespace dumptriage::rules
