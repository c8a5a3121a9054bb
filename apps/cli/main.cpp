// The lacuna program: one file per subcommand in commands/.
#include "commands/commands.hpp"

int main(int argc, char** argv) {
  lacuna::cli::Application app;
  add_study(app);
  add_report(app);
  add_prune(app);
  add_verify(app);
  add_rerun(app);
  add_mask(app);
  add_pack(app);
  add_unpack(app);
  add_threshold(app);
  add_eval(app);
  add_activations(app);
  add_bench(app);
  add_advise(app);
  add_tune(app);
  add_compare(app);
  add_ablate(app);
  add_neighbours(app);
  add_gradient(app);
  add_pairs(app);
  add_groups(app);
  add_coherence(app);
  add_cluster(app);
  add_tsne(app);
  add_show(app);
  add_spy(app);
  add_plot(app);
  add_generate(app);
  add_tokenize(app);
  add_query(app);
  add_export(app);
  add_info(app);
  add_explain(app);
  add_completion(app);
  add_help(app);
  return app.run(argc, argv);
}
