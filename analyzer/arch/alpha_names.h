// What Alpha's operates and PALcode instructions are called (alpha_names.cpp).
#pragma once

#include <string>
#include <string_view>

namespace dumptriage::arch {

std::string_view alpha_name(int reg);
// Of opcodes 10 to 13 and 1C; empty when there is no such instruction.
std::string_view alpha_operate_name(unsigned op, unsigned function);
// Of opcodes 14 to 17, with rounding and trap qualifiers.
std::string alpha_float_name(unsigned op, unsigned function);
bool alpha_float_has_one_source(unsigned op, unsigned function);
// Empty where the number is not known.
std::string_view alpha_pal_name(unsigned number);

} // namespace dumptriage::arch
