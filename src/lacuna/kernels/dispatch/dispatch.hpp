// Makes Highway run what core/cpu.hpp's isa_level() allows.
//
// Every kernel's public function starts with
//
//   if (!use_simd()) return scalar::op(…);
//   HWY_DYNAMIC_DISPATCH(op)(…);
//
// so that LACUNA_ISA and set_isa_level() govern all of them: scalar runs scalar.cpp, avx2 Highway's AVX2 target, avx512
// its AVX3_DL target (AVX3 where the processor lacks VBMI2, VNNI and the like).
//
// Threads  safe, once the level no longer changes; costs two relaxed loads.
#pragma once

#include <string_view>

namespace lacuna::kernels {

bool use_simd();                       // false: the scalar code must run
std::string_view dispatched_target();  // "AVX3_DL", "AVX2", …: said by the code that dispatch reached; "scalar"

}  // namespace lacuna::kernels
