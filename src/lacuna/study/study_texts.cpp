#include "lacuna/study/study_texts.hpp"

#include <fmt/format.h>

#include "lacuna/core/atomic_file.hpp"
#include "lacuna/core/error.hpp"
#include "lacuna/formats/checkpoint.hpp"
#include "lacuna/formats/npy.hpp"
#include "lacuna/model/generate.hpp"
#include "lacuna/study/analyses/evaluation.hpp"
#include "lacuna/tokenizer/tokenizer.hpp"

namespace lacuna {
namespace {
namespace fs = std::filesystem;

void write_token_file(const fs::path& path, const std::vector<std::int32_t>& ids, std::int64_t rows) {
  const auto total = static_cast<std::int64_t>(ids.size());
  const Shape shape = rows == 1 ? Shape{total} : Shape{rows, total / rows};
  write_npy(path, make_tensor_view(DType::i32, shape, ids.data()));
}

void sample_text(const StudyModel& model, const StudyText& text, const fs::path& path, const RunContext& context) {
  const Decoder decoder = Decoder::open(Checkpoint::open(model.reference));
  const Tokenizer tokenizer = Tokenizer::open(decoder.checkpoint().folder());
  if (!decoder.config().bos_token) {
    throw Error(ErrorCode::bad_config, "bos_token_id: needed to sample a text from the model, and absent")
        .at(decoder.checkpoint().config_path());
  }
  Generator generator(decoder, Compute::f32);
  GenerateOptions options;
  options.max_new_tokens = text.seqlen - 1;
  options.sampling.temperature = text.temperature;
  options.stop_at_eos = false;
  std::vector<std::int32_t> ids;
  std::string words;
  const auto total = static_cast<std::uint64_t>(text.sequences);
  for (std::uint64_t i = 0; i < total; ++i) {
    context.report({fmt::format("sample {}", text.name), model.name, "sequences", i, total, 0.0});
    options.seed = (text.seed << 32U) + i;
    const auto row = generator.run({}, options, {}, context);
    ids.push_back(static_cast<std::int32_t>(*decoder.config().bos_token));
    ids.insert(ids.end(), row.begin(), row.end());
    words += tokenizer.decode(row) + "\n\n";
  }
  context.report({fmt::format("sample {}", text.name), model.name, "sequences", total, total, 1.0});
  write_file_atomic(fs::path(path).replace_extension(".txt"), words);
  write_token_file(path, ids, text.sequences);
}

}  // namespace

fs::path make_study_text(const StudyModel& model, const StudyText& text, const fs::path& out,
                         const RunContext& context) {
  const fs::path folder = out / "texts" / model.name;
  const fs::path path = folder / (text.name + ".npy");
  if (fs::exists(path)) return path;
  fs::create_directories(folder);
  if (text.file.empty()) {
    sample_text(model, text, path, context);
  } else {
    const auto source = read_evaluation_text(model.reference, text.file);
    write_token_file(path, source.ids, source.rows);
  }
  return path;
}

}  // namespace lacuna
