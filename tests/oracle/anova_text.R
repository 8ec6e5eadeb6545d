# What lmerTest prints.  Run from this folder:  Rscript anova_text.R
suppressMessages(library(lmerTest))
source("models.R")
lmer <- lmerTest::lmer
CASES <- list(
  cake_satterthwaite_3 = list("cake", "angle ~ recipe * temp + (1 | recipe:replicate)"),
  cake_kenward_roger_1 = list("cake", "angle ~ recipe * temp + (1 | recipe:replicate)"),
  machines_kenward_roger_3 = list("Machines", "score ~ Machine + (Machine | Worker)"),
  orthodont_satterthwaite_2 = list("Orthodont", "distance ~ age * Sex + (age | Subject)"))
for (name in names(CASES)) {
  data <- rd(CASES[[name]][[1]])
  m <- lmer(as.formula(CASES[[name]][[2]]), data, control = TIGHT)
  ddf <- if (grepl("kenward", name)) "Kenward-Roger" else "Satterthwaite"
  writeLines(capture.output(print(anova(m, type = sub(".*_", "", name), ddf = ddf))), paste0("anova_", name, ".txt"))
}
data <- rd("Machines")
m <- lmer(score ~ Machine + (Machine | Worker), data, control = TIGHT)
m@call$control <- NULL
writeLines(capture.output(print(summary(m, ddf = "Kenward-Roger"))), "kenward_roger_machines.txt")
