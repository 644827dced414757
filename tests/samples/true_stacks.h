// The truth files of dumps-samples beside the stacks of a report.
#pragma once

#include "samples/samples.h"

namespace dumptriage::samples {

inline std::uint64_t number(const nlohmann::json& hex) {
  return std::stoull(hex.get<std::string>(), nullptr, 16);
}

inline const report::ThreadRow* of_cpu(const report::Document& document, std::uint32_t cpu) {
  for (const report::ThreadRow& row : document.threads)
    if (row.cpu == cpu) return &row;
  return nullptr;
}

// The sure frames are the true ones, in order, and nothing is shown behind them.
inline void expect_frames(const report::ThreadRow& row, const std::vector<nlohmann::json>& frames) {
  EXPECT_EQ(row.sure_frames, frames.size()) << row.sure_ended;
  ASSERT_GE(row.frames.size(), frames.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    SCOPED_TRACE("frame " + std::to_string(i));
    EXPECT_EQ(row.frames[i].pc, number(frames[i]["pc"]));
    EXPECT_EQ(row.frames[i].sp, number(frames[i]["sp"]));
    EXPECT_EQ(row.frames[i].module, frames[i]["module"].get<std::string>());
    EXPECT_EQ(row.frames[i].function, frames[i]["function"].get<std::string>());
    EXPECT_EQ(row.frames[i].offset, frames[i]["offset"].get<std::uint64_t>());
    EXPECT_TRUE(row.frames[i].name_exact);
  }
  EXPECT_EQ(row.frames.size(), frames.size()) << "frames behind what is known of the stack";
}

// Whatever is called sure is true.
inline void expect_no_wrong_frame(const report::ThreadRow& row,
                                  const std::vector<nlohmann::json>& frames) {
  ASSERT_LE(row.sure_frames, frames.size());
  for (std::size_t i = 0; i < row.sure_frames; ++i)
    EXPECT_EQ(row.frames[i].pc, number(frames[i]["pc"])) << "frame " << i;
}

} // namespace dumptriage::samples
