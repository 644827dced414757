// The parts of the text report, one file each; text.cpp puts them in order.
#pragma once

#include <string>

#include "report/document.h"
#include "report/paper.h"

namespace dumptriage::report::text {

void verdict(Paper& paper, const Document& document);
// One match, with every line of its explanation.
void explain(Paper& paper, const MatchRow& match);
void peers(Paper& paper, const Document& document);
void stop(Paper& paper, const Document& document);
void crashed_stack(Paper& paper, const Document& document, const TextOptions& options);
void other_stacks(Paper& paper, const Document& document, const TextOptions& options);
void waits(Paper& paper, const Document& document, const TextOptions& options);
void irps(Paper& paper, const Document& document, const TextOptions& options);
void pool(Paper& paper, const Document& document);
void modules(Paper& paper, const Document& document, const TextOptions& options);
void missing(Paper& paper, const Document& document);

// "netbt!NbtCopyToStartOfIndicate+0x2B", "netbt.sys+0x1234", "0xFFFFF80001234567".
std::string place_of(const FrameRow& frame, int pointer_size);

} // namespace dumptriage::report::text
