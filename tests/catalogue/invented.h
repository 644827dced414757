// Articles that were never written, and machines that would have been theirs.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "evidence/facts.h"
#include "rules/rules.h"

namespace dumptriage::rules::test {

std::string invented_articles();           // a facts file
std::vector<std::string> invented_rules(); // ids of the rules that it must give
struct Invented {
  std::string rule, kb;
  Verdict verdict{};
  evidence::FactSet facts;
};
std::vector<Invented> invented_machines();
// (field, facts file) with one field of a good article replaced by something else.
std::vector<std::pair<std::string, std::string>> damaged_articles();

} // namespace dumptriage::rules::test
