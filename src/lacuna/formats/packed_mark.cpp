#include "lacuna/formats/packed_mark.hpp"

#include <algorithm>

#include "lacuna/core/error.hpp"
#include "lacuna/formats/checkpoint.hpp"

namespace lacuna {

bool is_packed_archive(const TensorArchive& archive) {
  const auto format = archive.metadata.find(kPackedFormatKey);
  return archive.format == FileFormat::safetensors && format != archive.metadata.end() &&
         format->second == kPackedFormat;
}

bool is_packed_checkpoint(const Checkpoint& checkpoint) {
  return std::any_of(checkpoint.shards().begin(), checkpoint.shards().end(), is_packed_archive);
}

void require_dense(const TensorArchive& archive) {
  if (!is_packed_archive(archive)) return;
  throw Error(ErrorCode::unsupported_format, "the weights are packed; this needs them dense")
      .at(archive.files.front()->path())
      .hint("lacuna unpack MODEL -o OUT gives them back, bit for bit");
}

void require_dense(const Checkpoint& checkpoint) {
  for (const auto& shard : checkpoint.shards()) require_dense(shard);
}

}  // namespace lacuna
