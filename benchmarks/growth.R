# One fit of lme4 (calc.derivs = FALSE): Rscript growth.R FILE FORMULA -> seconds.
args <- commandArgs(TRUE)
suppressMessages(library(lme4))
data <- as.data.frame(data.table::fread(args[1]))
for (v in setdiff(names(data), c("y", "x"))) data[[v]] <- factor(data[[v]])
control <- lmerControl(calc.derivs = FALSE)
model <- as.formula(args[2])
cat(system.time(suppressMessages(suppressWarnings(
  lmer(model, data, control = control))))[["elapsed"]], "\n")
