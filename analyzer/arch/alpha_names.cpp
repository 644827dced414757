// The names of Alpha's operates and of its PALcode instructions.
// Source: "Alpha Architecture Handbook", version 4, appendix C.
#include "arch/alpha_names.h"

#include <algorithm>
#include <iterator>

namespace dumptriage::arch {
namespace {

struct Named {
  unsigned code; // opcode << 8 | function; or a function, or a number
  std::string_view name;
};

template <std::size_t n> std::string_view find_name(const Named (&table)[n], unsigned code) {
  const auto at = std::ranges::lower_bound(table, code, {}, &Named::code);
  return at != std::end(table) && at->code == code ? at->name : std::string_view();
}

constexpr std::string_view kRegisters[32] = {"v0",  "t0",  "t1", "t2",  "t3", "t4", "t5", "t6",
                                             "t7",  "s0",  "s1", "s2",  "s3", "s4", "s5", "fp",
                                             "a0",  "a1",  "a2", "a3",  "a4", "a5", "t8", "t9",
                                             "t10", "t11", "ra", "t12", "at", "gp", "sp", "zero"};

constexpr Named kOperates[] = {
    {0x1000, "addl"},    {0x1002, "s4addl"},  {0x1009, "subl"},   {0x100B, "s4subl"},
    {0x100F, "cmpbge"},  {0x1012, "s8addl"},  {0x101B, "s8subl"}, {0x101D, "cmpult"},
    {0x1020, "addq"},    {0x1022, "s4addq"},  {0x1029, "subq"},   {0x102B, "s4subq"},
    {0x102D, "cmpeq"},   {0x1032, "s8addq"},  {0x103B, "s8subq"}, {0x103D, "cmpule"},
    {0x1040, "addl/v"},  {0x1049, "subl/v"},  {0x104D, "cmplt"},  {0x1060, "addq/v"},
    {0x1069, "subq/v"},  {0x106D, "cmple"},   {0x1100, "and"},    {0x1108, "bic"},
    {0x1114, "cmovlbs"}, {0x1116, "cmovlbc"}, {0x1120, "bis"},    {0x1124, "cmoveq"},
    {0x1126, "cmovne"},  {0x1128, "ornot"},   {0x1140, "xor"},    {0x1144, "cmovlt"},
    {0x1146, "cmovge"},  {0x1148, "eqv"},     {0x1161, "amask"},  {0x1164, "cmovle"},
    {0x1166, "cmovgt"},  {0x116C, "implver"}, {0x1202, "mskbl"},  {0x1206, "extbl"},
    {0x120B, "insbl"},   {0x1212, "mskwl"},   {0x1216, "extwl"},  {0x121B, "inswl"},
    {0x1222, "mskll"},   {0x1226, "extll"},   {0x122B, "insll"},  {0x1230, "zap"},
    {0x1231, "zapnot"},  {0x1232, "mskql"},   {0x1234, "srl"},    {0x1236, "extql"},
    {0x1239, "sll"},     {0x123B, "insql"},   {0x123C, "sra"},    {0x1252, "mskwh"},
    {0x1257, "inswh"},   {0x125A, "extwh"},   {0x1262, "msklh"},  {0x1267, "inslh"},
    {0x126A, "extlh"},   {0x1272, "mskqh"},   {0x1277, "insqh"},  {0x127A, "extqh"},
    {0x1300, "mull"},    {0x1320, "mulq"},    {0x1330, "umulh"},  {0x1340, "mull/v"},
    {0x1360, "mulq/v"},  {0x1C00, "sextb"},   {0x1C01, "sextw"},  {0x1C30, "ctpop"},
    {0x1C31, "perr"},    {0x1C32, "ctlz"},    {0x1C33, "cttz"},   {0x1C34, "unpkbw"},
    {0x1C35, "unpkbl"},  {0x1C36, "pkwb"},    {0x1C37, "pklb"},   {0x1C38, "minsb8"},
    {0x1C39, "minsw4"},  {0x1C3A, "minub8"},  {0x1C3B, "minuw4"}, {0x1C3C, "maxub8"},
    {0x1C3D, "maxuw4"},  {0x1C3E, "maxsb8"},  {0x1C3F, "maxsw4"}};

// Opcode 17, which has no qualifiers.
constexpr Named kFloatMoves[] = {{0x010, "cvtlq"},   {0x020, "cpys"},    {0x021, "cpysn"},
                                 {0x022, "cpyse"},   {0x024, "mt_fpcr"}, {0x025, "mf_fpcr"},
                                 {0x02A, "fcmoveq"}, {0x02B, "fcmovne"}, {0x02C, "fcmovlt"},
                                 {0x02D, "fcmovge"}, {0x02E, "fcmovle"}, {0x02F, "fcmovgt"},
                                 {0x030, "cvtql"},   {0x130, "cvtql/v"}, {0x530, "cvtql/sv"}};

// The low six bits of the function say what, the upper five how.
constexpr Named kVax[] = {{0x00, "addf"},  {0x01, "subf"},   {0x02, "mulf"},   {0x03, "divf"},
                          {0x1E, "cvtdg"}, {0x20, "addg"},   {0x21, "subg"},   {0x22, "mulg"},
                          {0x23, "divg"},  {0x25, "cmpgeq"}, {0x26, "cmpglt"}, {0x27, "cmpgle"},
                          {0x2C, "cvtgf"}, {0x2D, "cvtgd"},  {0x2F, "cvtgq"},  {0x3C, "cvtqf"},
                          {0x3E, "cvtqg"}};
constexpr Named kIeee[] = {{0x00, "adds"},   {0x01, "subs"},   {0x02, "muls"},   {0x03, "divs"},
                           {0x20, "addt"},   {0x21, "subt"},   {0x22, "mult"},   {0x23, "divt"},
                           {0x24, "cmptun"}, {0x25, "cmpteq"}, {0x26, "cmptlt"}, {0x27, "cmptle"},
                           {0x2C, "cvtts"},  {0x2F, "cvttq"},  {0x3C, "cvtqs"},  {0x3E, "cvtqt"}};
constexpr Named kRoots[] = {{0x0A, "sqrtf"}, {0x0B, "sqrts"}, {0x2A, "sqrtg"}, {0x2B, "sqrtt"}};

// Those of every system, callsys, and rdteb, which NT's own C runtime shows.  No source at hand has
// the numbers of the rest.
constexpr Named kPal[] = {{0x00, "halt"}, {0x02, "draina"},  {0x80, "bpt"},  {0x83, "callsys"},
                          {0x86, "imb"},  {0xAA, "gentrap"}, {0xAB, "rdteb"}};

// How: /c /m - /d by bits 7:6 and traps by bits 10:8.  Empty when the two do not go together.
constexpr std::string_view kBad = "?";
std::string_view ieee_qualifier(unsigned what, unsigned how) {
  static constexpr std::string_view kPlain[] = {"/c", "/m", "", "/d"};
  static constexpr std::string_view kUnderflow[] = {"/uc", "/um", "/u", "/ud"};
  static constexpr std::string_view kOverflow[] = {"/vc", "/vm", "/v", "/vd"};
  static constexpr std::string_view kSu[] = {"/suc", "/sum", "/su", "/sud"};
  static constexpr std::string_view kSv[] = {"/svc", "/svm", "/sv", "/svd"};
  static constexpr std::string_view kSui[] = {"/suic", "/suim", "/sui", "/suid"};
  static constexpr std::string_view kSvi[] = {"/svic", "/svim", "/svi", "/svid"};
  const unsigned rounding = how & 3, traps = how >> 2;
  const bool to_integer = what == 0x2F;
  const bool compares = what >= 0x24 && what <= 0x27;
  const bool from_integer = what == 0x3C || what == 0x3E;
  if (compares) return how == 2 ? "" : how == 0x16 ? "/su" : kBad;
  if (from_integer) return traps == 0 ? kPlain[rounding] : traps == 7 ? kSui[rounding] : kBad;
  switch (traps) {
  case 0: return kPlain[rounding];
  case 1: return (to_integer ? kOverflow : kUnderflow)[rounding];
  case 5: return (to_integer ? kSv : kSu)[rounding];
  case 7: return (to_integer ? kSvi : kSui)[rounding];
  default: return kBad;
  }
}

std::string_view vax_qualifier(unsigned what, unsigned how) {
  const bool to_integer = what == 0x2F;
  const bool compares = what >= 0x25 && what <= 0x27;
  if (compares) return how == 2 ? "" : how == 0x12 ? "/s" : kBad;
  if (what == 0x3C || what == 0x3E) return how == 0 ? "/c" : how == 2 ? "" : kBad;
  switch (how) {
  case 0x00: return "/c";
  case 0x02: return "";
  case 0x04: return to_integer ? "/vc" : "/uc";
  case 0x06: return to_integer ? "/v" : "/u";
  case 0x10: return "/sc";
  case 0x12: return "/s";
  case 0x14: return to_integer ? "/svc" : "/suc";
  case 0x16: return to_integer ? "/sv" : "/su";
  default: return kBad;
  }
}

std::string qualified(std::string_view name, std::string_view qualifier) {
  if (name.empty() || qualifier == kBad) return {};
  return std::string(name) + std::string(qualifier);
}

} // namespace

std::string_view alpha_name(int reg) { return kRegisters[reg & 31]; }

std::string_view alpha_operate_name(unsigned op, unsigned function) {
  return find_name(kOperates, op << 8 | function);
}

std::string alpha_float_name(unsigned op, unsigned function) {
  const unsigned what = function & 0x3F, how = function >> 6;
  switch (op) {
  case 0x14:
    if (function == 0x04) return "itofs";
    if (function == 0x14) return "itoff";
    if (function == 0x24) return "itoft";
    return qualified(find_name(kRoots, what),
                     what & 1 ? ieee_qualifier(what, how) : vax_qualifier(what, how));
  case 0x15: return qualified(find_name(kVax, what), vax_qualifier(what, how));
  case 0x16:
    if (function == 0x2AC) return "cvtst";
    if (function == 0x6AC) return "cvtst/s";
    return qualified(find_name(kIeee, what), ieee_qualifier(what, how));
  default: return std::string(find_name(kFloatMoves, function));
  }
}

bool alpha_float_has_one_source(unsigned op, unsigned function) {
  const unsigned what = function & 0x3F;
  if (op == 0x14) return true;
  if (op == 0x17) return function == 0x10 || what == 0x30;
  return what >= 0x2C || what == 0x1E;
}

std::string_view alpha_pal_name(unsigned number) { return find_name(kPal, number); }

} // namespace dumptriage::arch
