// What this processor can do, and the level Lacuna uses.
//
// LACUNA_ISA=scalar|avx2|avx512 lowers the level of Lacuna's own kernels (never raises it above what the processor
// has). The environment is read once, at first use; set_isa_level() is for tests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lacuna {

enum class IsaLevel { scalar, avx2, avx512 };  // avx512: F, BW, DQ, VL and VPOPCNTDQ

IsaLevel detected_isa_level();
IsaLevel isa_level();                // detected, lowered by LACUNA_ISA; an unknown value is Error{invalid_argument}
void set_isa_level(IsaLevel level);  // tests only; throws Error{invalid_argument} above the detected level
std::string_view isa_name(IsaLevel level);
std::optional<IsaLevel> parse_isa(std::string_view name);

bool cpu_has_bf16();      // AVX512_BF16 or AMX_BF16: bf16 compute is faster than f32
std::string cpu_model();  // "AMD EPYC 9B14", or "unknown"

}  // namespace lacuna
