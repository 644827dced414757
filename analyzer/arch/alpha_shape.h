// Functions that keep to the calling standard so plainly that there is no need to follow their
// code: one look at every instruction shows that the frame stays as the prologue has left it until
// a straight line to `ret` takes it down.  Nearly all do.
#pragma once

#include "arch/alpha_flow.h"

namespace dumptriage::arch {

// The state at the end of a prologue; nothing when there are ways out of it.
std::optional<AlphaState> alpha_prologue(std::span<const std::uint32_t> prologue);
// `body`: what holds behind the first `prologue` instructions (AlphaState::in_body).
bool alpha_keeps_frame(std::span<const std::uint32_t> code, std::size_t prologue,
                       const AlphaState& body);
// What then holds in front of the instruction at `index`.
AlphaState alpha_plain_state(std::span<const std::uint32_t> code, std::size_t prologue,
                             const AlphaState& body, std::size_t index);
// The beginning of the straight line of body code that `index` is on.
std::size_t alpha_line_start(std::span<const std::uint32_t> code, std::size_t prologue,
                             std::size_t index);

} // namespace dumptriage::arch
