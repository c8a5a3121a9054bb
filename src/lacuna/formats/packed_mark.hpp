// How a safetensors file says that it holds packed matrices (docs/formats/packed.md): for readers of dense weights,
// which must refuse it rather than miss the matrices.
//
// Errors  require_dense: Error{unsupported_format} that says to unpack first.
#pragma once

#include "lacuna/formats/tensor_archive.hpp"

namespace lacuna {

class Checkpoint;

inline constexpr const char* kPackedFormatKey = "lacuna.format";
inline constexpr const char* kPackedFormat = "packed";

bool is_packed_archive(const TensorArchive& archive);
bool is_packed_checkpoint(const Checkpoint& checkpoint);  // any shard is
void require_dense(const TensorArchive& archive);
void require_dense(const Checkpoint& checkpoint);

}  // namespace lacuna
